"""Exchanging the layers of a model: rebuild a graph, or set attributes anew."""

import contextlib

import keras

from state_of_sparsity.layers.kernels import sub_layers

# Attributes in which Keras and TensorFlow keep book of what other attributes hold.
_BOOKKEEPING = {
    *("_layers", "_metrics", "_tracker", "_tracked", "_functional"),
    *("_inbound_nodes", "_outbound_nodes"),
}


def is_graph(model) -> bool:
    """Returns whether `model` is a Sequential or Functional model."""
    return isinstance(model, keras.Sequential) or hasattr(model, "_run_through_graph")


def model_scope(model):
    """Returns the scope of the distribution strategy under which the model was built."""
    strategy = getattr(model, "_distribute_strategy", None)
    return contextlib.nullcontext() if strategy is None else strategy.scope()


def clone_graph(model, replace):
    """Returns a model of the same graph with other layers, not compiled.

    Args:
        model: a Sequential or Functional model.
        replace: `layer -> layer` that gives what stands in each layer's place.

    Raises:
        ValueError: if the model's class has a constructor of its own, so that Keras cannot make
            another one.
    """

    def replace_layer(operation):
        return replace(operation) if isinstance(operation, keras.layers.Layer) else operation

    inputs = None
    if not isinstance(model, keras.Sequential):
        same = {id(t): _same_input(t) for t in keras.tree.flatten(model.input)}
        inputs = keras.tree.map_structure(lambda t: same[id(t)], model.input)
    compiled, model.compiled = model.compiled, False
    try:
        # Keras would compile the clone with a new optimizer, its step count and slots lost.
        clone = keras.models.clone_model(model, inputs, clone_function=replace_layer)
    finally:
        model.compiled = compiled
    if type(clone) is not type(model):
        raise ValueError(
            f"`model` must not be of a class with a constructor of its own on top of a graph. "
            f"Received: {type(model).__name__}, which would come back as {type(clone).__name__} "
            "without its methods. Build it as a plain keras.Model(inputs, outputs), give the "
            "class no `__init__`, or hold the graph in an attribute of a subclassed model."
        )
    clone._trainable = model._trainable
    return clone


def _same_input(tensor):
    layer = tensor._keras_history.operation
    if isinstance(layer, keras.layers.InputLayer):
        return type(layer).from_config(layer.get_config()).output
    return keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=layer.name)


def replace_sub_layers(container, replace):
    """Exchanges the layers that a model or layer holds in attributes, lists, tuples and dicts.

    A model is no longer compiled afterwards: what was traced before runs on the old layers.

    Args:
        container: a subclassed model or a layer with layers inside; changed in place.
        replace: `layer -> layer`, asked once for each layer directly inside.

    Returns:
        The container.

    Raises:
        ValueError: if a layer that has to go is held where it cannot be found.
    """
    tracked = container._layers
    new = {id(old): replace(old) for _, old in sub_layers(container)}
    changed = {key for key, layer in new.items() if id(layer) != key}
    if not changed:
        return container
    if isinstance(container, keras.Model):
        container.compiled = False
        container.train_function = container.test_function = container.predict_function = None
    before, found = list(tracked), set()
    locked = container._tracker.locked
    container._tracker.unlock()
    try:
        for name, value in list(vars(container).items()):
            if name in _BOOKKEEPING or name.startswith("_self_"):
                continue
            replaced = _replaced(value, new, changed, found)
            if replaced is not value:
                setattr(container, name, replaced)
        _check_all_found(container, before, changed - found)
        for old in before:
            if id(old) in changed:
                container._tracker.untrack(old)
        # What was exchanged was appended: put every layer where its predecessor stood.
        ordered = {id(layer): layer for layer in (new.get(id(old), old) for old in before)}
        tracked[:] = list(ordered.values())
    finally:
        if locked:
            container._tracker.lock()
    return container


def _replaced(value, new, changed, found):
    """Returns `value` with its layers exchanged; the same object if it holds none of them."""
    if isinstance(value, keras.layers.Layer):
        if id(value) not in changed:
            return value
        found.add(id(value))
        return new[id(value)]
    if isinstance(value, dict):
        items = {key: _replaced(item, new, changed, found) for key, item in value.items()}
        return items if any(items[key] is not value[key] for key in items) else value
    if isinstance(value, (list, tuple)):
        items = [_replaced(item, new, changed, found) for item in value]
        if all(item is old for item, old in zip(items, value, strict=True)):
            return value
        if hasattr(value, "_fields"):
            return value._make(items)  # of the class inside TensorFlow's proxy
        return tuple(items) if isinstance(value, tuple) else items
    return value


def _check_all_found(container, layers, missing):
    names = [layer.name for layer in layers if id(layer) in missing]
    if names:
        raise ValueError(
            f"`model` must hold its layers in attributes, lists, tuples or dicts. Received: "
            f"'{container.name}' ({type(container).__name__}), which holds {names} elsewhere. "
            "Keep them in an attribute, or wrap them where they are made, as in "
            "sos.MagnitudePruning(layer, schedule)."
        )
