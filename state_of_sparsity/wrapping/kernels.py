"""Which weights of a layer are kernels, and what they are called."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import keras

from state_of_sparsity.wrapping.keras_internals import (
    direct_layers,
    layers_inside,
    own_trainable_variables,
    own_variables,
)
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel

# Layers whose weights of rank two or more scale or shift activations, or are constants.
_WITHOUT_KERNELS = (
    keras.layers.BatchNormalization,
    keras.layers.GroupNormalization,
    keras.layers.LayerNormalization,
    keras.layers.PReLU,
    keras.layers.RMSNormalization,
    keras.layers.STFTSpectrogram,
)


def find_kernels(
    layer: keras.layers.Layer, names: Sequence[str] | None = None
) -> list[SparseKernel]:
    """Returns the kernels of a built layer and of the layers inside it, in structural order.

    A kernel is a trainable floating-point weight of rank two or more, with entries, that is no bias
    and belongs to no normalization layer and no `PReLU`. A rank tells gains and position
    embeddings from kernels only in part: name the kernels where that matters.

    Args:
        layer: a Keras layer.
        names: the kernels to take, each the end of a kernel's path (`"kernel"`,
            `"query/kernel"`) or the name of the attribute that holds it; the rule above if `None`.

    Returns:
        A list of `SparseKernel`, empty if the layer has none or is not built.

    Raises:
        ValueError: if one of `names` names no weight of the layer.

    Example:

    >>> layer = keras.layers.Dense(3)
    >>> layer.build((None, 2))
    >>> [kernel.name for kernel in find_kernels(layer)]
    ['kernel']
    """
    weights = list(_weights(layer, "", set()))
    if names is None:
        return [kernel for kernel in weights if _is_kernel(kernel)]
    chosen = [_named(weights, name, layer) for name in names] if weights else []
    return [kernel for kernel in weights if any(kernel in group for group in chosen)]


def sub_layers(layer: keras.layers.Layer) -> list[tuple[str, keras.layers.Layer]]:
    """Returns the layers directly inside a layer with their names, made unique, in order."""
    inside = layer.layers if isinstance(layer, keras.Model) else direct_layers(layer)
    children = [child for child in inside if not isinstance(child, keras.layers.InputLayer)]
    names = made_unique(child.name for child in children)
    return list(zip(names, children, strict=True))


def own_weights(layer: keras.layers.Layer) -> list[SparseKernel]:
    """Returns every trainable weight that the layer itself holds, kernel or not."""
    # SpectralNormalization, for one, refers to the kernel of the layer inside it as its own.
    inside = layers_inside(layer)
    borrowed = {id(variable) for child in inside for variable in own_trainable_variables(child)}
    variables = [v for v in own_trainable_variables(layer) if id(v) not in borrowed]
    return [SparseKernel(name, name, v, layer) for name, v in _named_variables(layer, variables)]


def own_variables_by_name(layer: keras.layers.Layer) -> dict[str, keras.Variable]:
    """Returns every variable that the layer itself holds, trainable or not, by its name."""
    inside = layers_inside(layer)
    borrowed = {id(variable) for child in inside for variable in own_variables(child)}
    # Trainable ones come first, so that their names are those of `own_weights`.
    variables = [v for v in own_variables(layer) if id(v) not in borrowed]
    return dict(_named_variables(layer, variables))


def own_kernels(layer: keras.layers.Layer) -> list[SparseKernel]:
    """Returns the kernels that the layer itself holds, leaving out the layers inside it."""
    return [weight for weight in own_weights(layer) if _is_kernel(weight)]


def _weights(layer, prefix: str, visited: set[int]) -> Iterator[SparseKernel]:
    if id(layer) in visited:
        return
    visited.add(id(layer))
    for weight in own_weights(layer):
        yield replace(weight, path=prefix + weight.name, name=prefix + weight.name)
    for name, child in sub_layers(layer):
        yield from _weights(child, f"{prefix}{name}/", visited)


def _named_variables(layer, variables) -> list[tuple[str, keras.Variable]]:
    names = (_name(layer, variable, number) for number, variable in enumerate(variables))
    return list(zip(made_unique(names), variables, strict=True))


def made_unique(names: Iterable[str]) -> list[str]:
    """Returns names in their order, with `_2`, `_3` and so on behind those that are taken.

    Example:

    >>> made_unique(["dense", "dense", "head"])
    ['dense', 'dense_2', 'head']
    """
    unique: dict[str, None] = {}
    for name in names:
        found, repeat = name, 1
        while found in unique:
            repeat += 1
            found = f"{name}_{repeat}"
        unique[found] = None
    return list(unique)


def _name(layer, variable, number) -> str:
    if not re.fullmatch(r"variable(_\d+)?", variable.name):
        return variable.name
    # It was given no name, and Keras's number depends on what was made before: take the attribute
    # that holds it, or else its place among the layer's weights.
    attributes = (name for name, value in vars(layer).items() if value is variable)
    return next(attributes, f"weight_{number}")


def _is_kernel(weight: SparseKernel) -> bool:
    variable, leaf = weight.variable, weight.name.rsplit("/", 1)[-1]
    return (
        len(variable.shape) >= 2
        and 0 not in variable.shape
        and keras.backend.is_float_dtype(variable.dtype)
        and "bias" not in leaf
        and not leaf.startswith("lora_")
        and not isinstance(weight.owner, _WITHOUT_KERNELS)
    )


def _named(weights: list[SparseKernel], name: str, layer) -> list[SparseKernel]:
    found = [weight for weight in weights if weight.name == name] or [
        weight
        for weight in weights
        if f"/{weight.name}".endswith(f"/{name}")
        or getattr(weight.owner, name, None) is weight.variable
    ]
    if not found:
        raise ValueError(
            f"`kernels` must name weights of the layer '{layer.name}' "
            f"({type(layer).__name__}). Received: {name!r}. "
            f"Its trainable weights are {[weight.name for weight in weights]}."
        )
    return found


def distinct_prefixes(kernels: Sequence[SparseKernel]) -> list[str]:
    """Returns what tells each kernel from the others: the shortest unique end of its name.

    Example:

    >>> layer = keras.layers.LSTM(3)
    >>> layer.build((None, 5, 2))
    >>> kernels = find_kernels(layer)
    >>> [kernel.name for kernel in kernels]
    ['lstm_cell/kernel', 'lstm_cell/recurrent_kernel']
    >>> distinct_prefixes(kernels)
    ['kernel_', 'recurrent_kernel_']
    """
    if len(kernels) == 1:
        return [""]
    split = [kernel.name.split("/") for kernel in kernels]

    def ends(length):
        return ["_".join(parts[-length:]) for parts in split]

    def shortest(index):
        for length in range(1, len(split[index])):
            if ends(length).count(ends(length)[index]) == 1:
                return ends(length)[index]
        return "_".join(split[index])

    return [f"{shortest(index)}_" for index in range(len(kernels))]
