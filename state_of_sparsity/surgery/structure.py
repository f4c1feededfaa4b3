"""The layers and kernels of a model, and the paths that name them."""

from collections.abc import Iterator
from dataclasses import replace

import keras
import numpy as np

from state_of_sparsity.arguments import refuse_class
from state_of_sparsity.wrapping.base import SparseWrapper
from state_of_sparsity.wrapping.keras_internals import direct_layers, has_default_build
from state_of_sparsity.wrapping.kernels import find_kernels, own_kernels, sub_layers
from state_of_sparsity.wrapping.quantized_kernels import quantized_kernels
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel


def check_has_weights(model: keras.layers.Layer, what: str) -> None:
    """Raises a `ValueError` unless the layers of a model have their weights.

    Args:
        model: a Keras model or layer. One that was never called itself, or has no `call`, will do
            if the layers inside it are built.
        what: for what the weights are needed.
    """
    check_is_model(model)
    if model.built:
        return
    missing = [path for path, layer in walk(model) if not (layer.built or _builds_nothing(layer))]
    if missing or not model.weights:
        named = f", in which {missing} are not built" if model.weights else ", not built"
        raise ValueError(
            f"`model` must be built before {what}: it has no weights yet. Received: "
            f"'{model.name}'{named}. Begin it with keras.Input(shape), call "
            "model.build(input_shape), or call it on a batch."
        )


def _builds_nothing(layer):
    # Keras leaves `built` False in layers that hold others and were never called themselves.
    own = has_default_build(layer) or isinstance(layer, keras.Model)
    return own and (bool(layer.weights) or not direct_layers(layer))


def walk(model: keras.layers.Layer) -> Iterator[tuple[str, keras.layers.Layer]]:
    """Yields `(path, layer)` for every layer of a model once, outer layers first.

    A wrapper stands for the layer it wraps, under that layer's path, and is not entered.
    """
    yield from _walk(model, "", set())


def _walk(layer, prefix, visited):
    for name, child in sub_layers(layer):
        if id(child) in visited:
            continue
        visited.add(id(child))
        yield prefix + name, child
        if not isinstance(child, SparseWrapper):
            yield from _walk(child, f"{prefix}{name}/", visited)


def sparse_layers(model: keras.layers.Layer) -> dict[str, SparseWrapper]:
    """Returns the sparse wrappers of a model by their paths, in structural order.

    Args:
        model: a Keras model, or a layer.

    Example:

    >>> list(sos.sparse_layers(sparse))
    ['hidden', 'head']
    """
    check_is_model(model)
    if isinstance(model, SparseWrapper):
        return {model.name: model}
    return {path: layer for path, layer in walk(model) if isinstance(layer, SparseWrapper)}


def layers_by_technique(
    model: keras.layers.Layer,
) -> dict[type[SparseWrapper], list[SparseWrapper]]:
    """Returns the sparse wrappers of a model by their class."""
    found: dict[type[SparseWrapper], list[SparseWrapper]] = {}
    for wrapper in sparse_layers(model).values():
        found.setdefault(type(wrapper), []).append(wrapper)
    return found


def model_kernels(model: keras.layers.Layer) -> list[SparseKernel]:
    """Returns every kernel of a model in structural order, sparse or dense.

    A kernel that several layers hold is named by the first of them, and sparse if it is in one.

    Args:
        model: a built Keras model.
    """
    check_is_model(model)
    kernels = {}
    own = [("", model)] if isinstance(model, SparseWrapper) else [("", model), *walk(model)]
    for path, layer in own:
        prefix = f"{path}/" if path else ""
        for kernel in _kernels_of(layer):
            found = replace(kernel, path=prefix + kernel.name)
            first = kernels.setdefault(id(found.variable), found)
            if first.wrapper is None and found.wrapper is not None:
                kernels[id(found.variable)] = replace(found, path=first.path)
    return list(kernels.values())


def _kernels_of(layer):
    if not isinstance(layer, SparseWrapper):
        return own_kernels(layer) + quantized_kernels(layer)
    layer._check_kernels()
    sparse = {id(kernel.variable): kernel for kernel in layer.sparse_kernels}
    # In structural order; named kernels may be of a kind that is not found unless they are named.
    named = {id(kernel.variable): kernel for kernel in find_kernels(layer.layer)} | sparse
    return list(named.values())


def check_is_model(model: object) -> None:
    """Raises a `ValueError` unless `model` is a Keras model, or a layer."""
    refuse_class("model", model, "the model itself, as in model = Net()")
    if not isinstance(model, keras.layers.Layer):
        raise ValueError(
            f"`model` must be a Keras model. Received: {model!r} (of type {type(model).__name__})."
        )


def masks(model: keras.layers.Layer) -> dict[str, np.ndarray]:
    """Returns the current mask of every sparse kernel: `{kernel path: boolean numpy array}`.

    For every technique and every sparse kernel: the mask of a pruned kernel, the weights whose
    log alpha is below the threshold (variational dropout), those whose gate is open (L0).

    Args:
        model: a Keras model with sparse layers.

    Raises:
        ValueError: if the model has no sparse layer.

    Example:

    >>> {path: float(mask.mean()) for path, mask in sos.masks(sparse).items()}
    {'hidden/kernel': 0.5, 'head/kernel': 0.5}
    """
    kernels = [kernel for kernel in model_kernels(model) if kernel.wrapper is not None]
    if not kernels:
        raise ValueError(
            f"`model` has no sparse kernel. Received: '{model.name}' with the layers "
            f"{[path for path, _ in walk(model)]}. Use `sos.sparsify(model, rules)` first, and "
            "build the model if it is not built."
        )
    return {kernel.path: kernel.mask() for kernel in kernels}
