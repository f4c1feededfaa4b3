"""`sparsify` wraps the layers of a model; `strip` turns it back into a plain model."""

import keras

from state_of_sparsity.layers.base import SparseWrapper
from state_of_sparsity.layers.kernels import find_kernels, sub_layers
from state_of_sparsity.plain_copy import plain_copy
from state_of_sparsity.replacement import clone_graph, is_graph, model_scope, replace_sub_layers
from state_of_sparsity.rules import Rules
from state_of_sparsity.structure import masks, sparse_layers, walk

__all__ = ["masks", "sparse_layers", "sparsify", "strip"]

# Layers of Keras that hold other layers and are wrapped as one.
_WRAPPED_WHOLE = (
    keras.layers.RNN,
    keras.layers.Bidirectional,
    keras.layers.GroupQueryAttention,
    keras.layers.MultiHeadAttention,
    keras.layers.Wrapper,
)


def sparsify(model, rules):
    """Returns the model with its layers wrapped by a sparsity technique.

    Variables are shared with `model`, trained weights and layer names are kept, and the outputs
    are the same until the first update. A Sequential or Functional model is rebuilt around the
    same layers; a subclassed model is changed in place and returned. Compile the result (again).

    Args:
        model: a built Keras model: Sequential, Functional, or subclassed, nested as you like.
        rules: what to do with each layer that has a kernel: a callable `layer -> wrapper`, or a
            list of `(regular expression, callable or None)` on the layer's path, of which the
            first match decides. `None` leaves a layer dense, and so does a list that does not
            match. A rule may also spell out a kernel as `sos.report` names it.

    Returns:
        The sparse model, not compiled.

    Raises:
        ValueError: if the model is not built, a rule matches nothing, or a rule's callable
            returns anything but a wrapper around its layer or `None`.

    Example:

    >>> schedule = sos.schedules.PolynomialDecay(0.0, 0.9, begin_step=0, end_step=1000)
    >>> sparse = sos.sparsify(model, lambda layer: sos.MagnitudePruning(layer, schedule))
    >>> sparse = sos.sparsify(
    ...     model,
    ...     [
    ...         ("^head$", None),
    ...         (".*", lambda layer: sos.MagnitudePruning(layer, schedule)),
    ...     ],
    ... )
    """
    _check_model(model, "sparsify")
    rules = Rules(rules)
    with model_scope(model):
        sparse = _sparsify_model(model, "", rules, {})
    rules.check_used()
    return sparse


def _check_model(model, verb):
    if not isinstance(model, keras.Model):
        raise ValueError(
            f"`model` must be a Keras model. Received: {model!r} (of type "
            f"{type(model).__name__}). A single layer is wrapped directly, as in "
            "sos.MagnitudePruning(layer, schedule)."
        )
    if not model.built:
        raise ValueError(
            f"`model` must be built before `sos.{verb}`: it has no weights yet. Received: "
            f"'{model.name}', not built. Begin it with keras.Input(shape), call "
            "model.build(input_shape), or call it on a batch."
        )


def _sparsify_model(model, prefix, rules, done):
    """Returns the sparse counterpart of a model at the path `prefix`."""
    names = {id(child): name for name, child in sub_layers(model)}

    def replace(layer):
        if id(layer) not in done:
            path = prefix + names.get(id(layer), layer.name)
            done[id(layer)] = _sparsify_layer(layer, path, rules, done)
        return done[id(layer)]

    return clone_graph(model, replace) if is_graph(model) else replace_sub_layers(model, replace)


def _sparsify_layer(layer, path, rules, done):
    if isinstance(layer, SparseWrapper):
        return layer
    if isinstance(layer, keras.Model):
        return _sparsify_model(layer, f"{path}/", rules, done)
    kernels = find_kernels(layer)
    if not kernels:
        rules.leave(path)
        return layer
    inside = [child for _, child in walk(layer)]
    mixed = any(isinstance(child, (SparseWrapper, keras.Model)) for child in inside)
    if not mixed:
        decided, wrapper = rules.wrap(path, layer, [f"{path}/{kernel.name}" for kernel in kernels])
        if decided:
            if wrapper is not None:
                wrapper.build_if_possible()
            return wrapper or layer
    if inside and not isinstance(layer, _WRAPPED_WHOLE):
        # A layer of the user's own that no rule took whole: look at the layers inside it.
        return _sparsify_model(layer, f"{path}/", rules, done)
    return layer


def strip(model):
    """Returns a plain copy of a sparse model, with zeros written into its kernels.

    The copy predicts what `model` predicts, holds no layer of this package, and can be saved and
    loaded without it. The sparse model stays as it is. Compile the copy before `evaluate`.

    Args:
        model: a model with sparse layers, of any technique.

    Raises:
        ValueError: if the model is not built, or a subclassed model cannot be copied because it
            does not implement `get_config`.

    Example:

    >>> sos.strip(sparse).save("model.keras")
    """
    _check_model(model, "strip")
    with model_scope(model):
        return plain_copy(model)
