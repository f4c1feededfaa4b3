"""Exchanging layers of a model for others, or for none of them if anything fails on the way.

A plain graph is made anew around its layers; any other model is changed where it holds them.
"""

import contextlib
import types

import keras

from state_of_sparsity.surgery.rewiring import (
    keep_nodes,
    operations_of,
    rebuild_sequential,
    remakes,
    rewire,
)
from state_of_sparsity.wrapping.keras_internals import (
    BOOKKEEPING,
    direct_layers,
    layers_inside,
    operation_of,
    set_layers,
    set_own_trainable,
    unlocked,
)
from state_of_sparsity.wrapping.kernels import sub_layers

# What Keras sets on a model that is compiled and trained.
_OF_TRAINING = {
    *("optimizer", "loss", "history", "train_function", "test_function", "predict_function"),
    *("stop_training", "stop_evaluating", "stop_predicting"),
}


class Exchange:
    """One exchange of a model's layers: if anything fails before its end, all of it is undone.

    Every step that changes something first notes, by `on_failure`, how to take that back; leaving
    the context by an error does so, the last change first. The user's own code runs in between
    (constructors, `build`, `call`) and may fail anywhere.

    Example:

    >>> layer = model.layers[0]
    >>> wrapper = sos.MagnitudePruning(layer, schedule)
    >>> with Exchange() as exchange:
    ...     sparse = exchange.carry_out(model, {id(layer): wrapper})
    >>> sparse.layers[0] is wrapper
    True
    """

    def __init__(self):
        self.changed_in_place = []
        self._replacements, self._done, self._undo = {}, {}, contextlib.ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is None:
            self._undo.pop_all()  # forgotten, not carried out
        self._undo.close()

    def on_failure(self, call, *args):
        """Notes a call that takes back a change, should a later step fail."""
        self._undo.callback(call, *args)

    def carry_out(self, model, replacements: dict):
        """Returns the model, or layer, with layers inside it exchanged.

        Args:
            model: a model that is built; one that is no plain graph is changed in place.
            replacements: `{id of a layer: what takes its place}`; every other layer stays.
        """
        self._replacements, self._done = replacements, {}
        keep_nodes(replacements.values(), self.on_failure)
        return self._of(model)

    def _of(self, model):
        """Returns a model with the layers inside it exchanged: a new one if it is a graph."""
        if not is_graph(model):
            self.changed_in_place.append(model)
            if isinstance(model, keras.Model):
                _forget_compiled(model, self.on_failure)
            return replace_sub_layers(model, self._replace, self.on_failure)
        keep_nodes(operations_of(model), self.on_failure)
        return clone_graph(model, self._replace)

    def _replace(self, layer):
        """Returns what stands in a layer's place, the same each time that a shared layer is met."""
        if id(layer) not in self._done:
            new = self._replacements.get(id(layer))
            inside = layers_inside(layer)
            if new is None and any(id(inner) in self._replacements for inner in inside):
                new = self._of(layer)
            self._done[id(layer)] = layer if new is None else new
        return self._done[id(layer)]


def is_graph(model) -> bool:
    """Returns whether `model` is a Sequential or Functional model that Keras can make anew.

    One whose class has a constructor of its own is not: it is changed in place, as a subclassed
    model is, and keeps its class and methods.
    """
    graph = isinstance(model, (keras.Sequential, keras.Function))
    return graph and remakes(type(model))


def model_scope(model):
    """Returns the scope of the distribution strategy under which the model was built."""
    strategy = getattr(model, "distribute_strategy", None)
    return contextlib.nullcontext() if strategy is None else strategy.scope()


def clone_graph(model, replace):
    """Returns a model of the same graph with other layers, not compiled.

    Attributes that were set on the model go with it.

    Args:
        model: a Sequential or Functional model for which `is_graph` holds.
        replace: `layer -> layer` that gives what stands in each layer's place.
    """

    new = {}

    def replace_layer(operation):
        if isinstance(operation, keras.layers.Layer):
            new[id(operation)] = replace(operation)
        return new.get(id(operation), operation)

    inputs = None
    if not isinstance(model, keras.Sequential):
        same = {id(t): _same_input(t) for t in keras.tree.flatten(model.input)}
        inputs = keras.tree.map_structure(lambda t: same[id(t)], model.input)
    compiled, model.compiled = model.compiled, False
    try:
        # Else Keras would compile the clone too, with a new optimizer: steps and slots are lost.
        clone = keras.models.clone_model(model, inputs, clone_function=replace_layer)
    finally:
        model.compiled = compiled
    set_own_trainable(clone, model.trainable)
    _carry_attributes(model, clone, new)
    return clone


def _carry_attributes(model, clone, new):
    """Sets on a clone what was set on the model, beside what Keras sets on every model.

    Methods bound to the model are bound to the clone. Variables, and layers around layers of the
    model (another model over them), are left out: the clone has others in their place.
    """
    changed = {key for key, layer in new.items() if id(layer) != key}
    names = vars(model).keys() - vars(clone).keys() - _OF_TRAINING
    with unlocked(clone):
        for name in [n for n in vars(model) if n in names and not n.startswith(("_", "make_"))]:
            value = vars(model)[name]
            if isinstance(value, types.MethodType) and value.__self__ is model:
                value = types.MethodType(value.__func__, clone)
            if not any(_is_of_the_model(part, new) for part in keras.tree.flatten(value)):
                setattr(clone, name, _replaced(value, new, changed, set()))


def _is_of_the_model(value, new):
    """Returns whether a value is a variable, or a layer around layers of the model."""
    if isinstance(value, keras.layers.Layer):
        return id(value) not in new and any(id(inner) in new for inner in layers_inside(value))
    return isinstance(value, keras.Variable)


def _same_input(tensor):
    """Returns a new symbolic input like another: a clone shares none with its original."""
    layer = operation_of(tensor)
    if isinstance(layer, keras.layers.InputLayer):
        return type(layer).from_config(layer.get_config()).output
    return keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=layer.name)


def replace_sub_layers(container, replace, on_failure=lambda call, *args: None):
    """Exchanges the layers that a model or layer holds: in attributes, containers, its graph.

    Args:
        container: a model that is no plain graph, or a layer with layers inside; changed in place.
        replace: `layer -> layer`, asked once for each layer directly inside.
        on_failure: is told, as `(function, *arguments)`, how to take back each change.

    Returns:
        The container.

    Raises:
        ValueError: if a layer that has to go is held where it cannot be found.
    """
    new = {id(old): replace(old) for _, old in sub_layers(container)}
    changed = {key for key, layer in new.items() if id(layer) != key}
    if not changed:
        return container
    before, found = direct_layers(container), set()
    rewire(container, {key: new[key] for key in changed}, found, on_failure)
    with unlocked(container):
        on_failure(set_layers, container, before, [new[key] for key in changed])
        for name, value in list(vars(container).items()):
            replaced = value if name in BOOKKEEPING else _replaced(value, new, changed, found)
            if replaced is not value:
                on_failure(_set_attribute, container, name, value)
                setattr(container, name, replaced)
        # One that was not found here may be held by a layer inside as well: it is exchanged there.
        inside = {id(inner) for layer in new.values() for inner in layers_inside(layer)}
        _check_all_found(
            container, before, {k for k in changed - found if id(new[k]) not in inside}
        )
        # Setting attributes appends the new layers to those that Keras keeps in order, by which
        # weights are saved: put every layer where its predecessor stood.
        ordered = {id(layer): layer for layer in (new.get(id(old), old) for old in before)}
        set_layers(container, list(ordered.values()), [old for old in before if id(old) in changed])
    if isinstance(container, keras.Sequential):
        rebuild_sequential(container, on_failure)
    return container


def _forget_compiled(model, on_failure):
    """Drops what a model has compiled, which would run on with the layers that there were.

    Keras keeps what `make_..._function` makes in an attribute `..._function`, and so do subclasses
    with functions of their own (`generate_function`). `UpdateSparsity` sets a `make_train_function`
    on the model itself, which goes as well.
    """
    kind, names = type(model), list(vars(model))
    functions = [n for n in names if n.endswith("_function") and hasattr(kind, f"make_{n}")]
    for name, value in [("compiled", False), *((name, None) for name in functions)]:
        on_failure(setattr, model, name, getattr(model, name))
        setattr(model, name, value)
    for name in [n for n in names if n.startswith("make_") and hasattr(kind, n)]:
        on_failure(setattr, model, name, getattr(model, name))
        delattr(model, name)


def _set_attribute(container, name, value):
    with unlocked(container):
        setattr(container, name, value)


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
