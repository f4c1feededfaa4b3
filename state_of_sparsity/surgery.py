"""`sparsify` wraps the layers of a model; `strip` turns it back into a plain model."""

import keras

from state_of_sparsity.layers.base import SparseWrapper
from state_of_sparsity.layers.kernels import find_kernels, sub_layers
from state_of_sparsity.layers.training_mode import tell_training
from state_of_sparsity.plain_copy import plain_copy
from state_of_sparsity.replacement import clone_graph, is_graph, model_scope, replace_sub_layers
from state_of_sparsity.rules import Rules
from state_of_sparsity.structure import walk

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
            match. A rule may also spell out the one kernel of a layer as `sos.report` names it.

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
    rules, wrappers = Rules(rules), {}
    with model_scope(model):
        # Decide first: a rule that turns out wrong must not leave a model half changed.
        _decide_inside(model, "", rules, wrappers)
        rules.check_used()
        sparse = _exchange(model, wrappers, {})
    tell_training(sparse)
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


def _decide_inside(model, prefix, rules, wrappers):
    """Puts the wrapper of every layer that is to have one into `wrappers`, by the layer's id."""
    for name, layer in sub_layers(model):
        if id(layer) not in wrappers:
            wrappers[id(layer)] = None
            _decide(layer, prefix + name, rules, wrappers)


def _decide(layer, path, rules, wrappers):
    if isinstance(layer, SparseWrapper):
        return
    if isinstance(layer, keras.Model):
        _decide_inside(layer, f"{path}/", rules, wrappers)
        return
    kernels = find_kernels(layer)
    if not kernels:
        rules.leave(path)
        return
    inside = list(layer._flatten_layers(include_self=False))
    decided = False
    inner_paths = [f"{path}/{inner}" for inner, _ in walk(layer)]
    opened = not isinstance(layer, _WRAPPED_WHOLE) and rules.prefers_inside(path, inner_paths)
    if not opened and not any(isinstance(inner, SparseWrapper) for inner in inside):
        decided, wrappers[id(layer)] = rules.wrap(path, layer, kernels)
    if inside and not decided and not isinstance(layer, _WRAPPED_WHOLE):
        # A layer of the user's own that no rule took whole: look at the layers inside it.
        _decide_inside(layer, f"{path}/", rules, wrappers)


def _exchange(model, wrappers, done):
    """Returns the model, or layer, with the layers inside exchanged for their wrappers."""

    def replace(layer):
        if id(layer) not in done:
            done[id(layer)] = layer
            if wrappers.get(id(layer)) is not None:
                done[id(layer)] = wrappers[id(layer)]
                done[id(layer)].build_if_possible()
            elif any(wrappers.get(id(inner)) is not None for inner in layer._flatten_layers()):
                done[id(layer)] = _exchange(layer, wrappers, done)
        return done[id(layer)]

    return (clone_graph if is_graph(model) else replace_sub_layers)(model, replace)


def strip(model):
    """Returns a plain copy of a sparse model, with zeros written into its kernels.

    The copy predicts what `model` predicts, holds no layer of this package, and can be saved and
    loaded without it. The sparse model stays as it is. Compile the copy before `evaluate`. It
    belongs to the distribution strategy, if any, in whose scope `strip` is called.

    Args:
        model: a model with sparse layers, of any technique.

    Raises:
        ValueError: if the model is not built, or a subclassed model cannot be copied because it
            does not implement `get_config`.

    Example:

    >>> sos.strip(sparse).save("model.keras")
    """
    _check_model(model, "strip")
    return plain_copy(model)
