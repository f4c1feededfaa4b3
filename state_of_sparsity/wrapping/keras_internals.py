"""Every use of a private name of Keras (and one of TensorFlow), each a function with its reason.

Where Keras has no public name for what is needed, it is asked for here, and nowhere else: when a
version of Keras changes one of these, `tests/wrapping/test_keras_internals.py` names it.
"""

import contextlib

import keras
from keras.src.backend.common import global_state
from keras.src.backend.common.variables import AutocastScope
from keras.src.models.functional import functional_like_constructor
from keras.src.ops.function import map_graph
from keras.src.utils.tracking import DotNotTrackScope

# What Keras sets on every callback.
SET_ON_CALLBACKS = ("params", "_model")
# Attributes in which Keras and TensorFlow keep book of what other attributes hold.
BOOKKEEPING = {
    *("_layers", "_metrics", "_tracker", "_tracked", "_functional"),
    *("_trainable_variables", "_non_trainable_variables"),
    *("_inbound_nodes", "_outbound_nodes"),
    *("_operations", "_operations_by_depth", "_nodes", "_nodes_by_depth"),
    *("_self_setattr_tracking", "_self_update_uid", "_self_name_based_restores"),
    *("_self_saveable_object_factories", "_self_unconditional_checkpoint_dependencies"),
    *("_self_unconditional_deferred_dependencies", "_self_unconditional_dependency_names"),
}
_GRAPH = ("_nodes", "_nodes_by_depth", "_operations", "_operations_by_depth")


def all_layers(layer) -> list:
    """Returns a layer and all layers inside it; `model.layers` has those directly inside alone."""
    return layer._flatten_layers()


def layers_inside(layer) -> list:
    """Returns all layers inside a layer, but not itself."""
    return layer._flatten_layers(include_self=False)


def direct_layers(layer) -> list:
    """Returns the layers directly inside a layer; only models have a public `layers`."""
    return list(layer._layers)


def tracked_layers(layer) -> list:
    """Returns what Keras tracks as layers; of a Sequential model more than its `layers`.

    Each time that a layer is added to it, it makes a graph, and keeps them all.
    """
    return layer._tracker.config["layers"][1]


def set_layers(layer, inside, gone):
    """Makes `inside` the layers directly inside a layer, in that order; `gone` were so before.

    Setting attributes tells Keras of the new layers alone, and appends them.
    """
    with unlocked(layer):
        for each in gone:
            layer._tracker.untrack(each)
        for each in inside:
            layer._tracker.track(each)
        layer._layers[:] = inside


@contextlib.contextmanager
def unlocked(layer):
    """A context in which a built layer may be given other layers; Keras refuses them else."""
    locked = layer._tracker.locked
    layer._tracker.unlock()
    try:
        yield
    finally:
        if locked:
            layer._tracker.lock()


def is_whole(model) -> bool:
    """Returns whether a model's constructor has ended; one that failed has nothing to ask for."""
    graph = isinstance(model, keras.Function)
    return hasattr(model, "_tracker") and (not graph or hasattr(model, "_operations"))


def own_variables(layer) -> list:
    """Returns the variables of a layer without those inside it; `variables` has both."""
    return layer._trainable_variables + layer._non_trainable_variables


def own_trainable_variables(layer) -> list:
    """Returns those made trainable, frozen or not; `trainable_variables` of a frozen one is []."""
    return layer._trainable_variables


def set_own_trainable(layer, trainable: bool):
    """Sets `trainable` of a layer alone; the public name sets it of all layers inside as well."""
    layer._trainable = trainable


def stored_weight(layer, name: str):
    """Returns the variable behind `kernel` or `embeddings`, or None.

    With LoRA, or quantized, the public name gives a tensor that is computed from it.
    """
    return vars(layer).get(f"_{name}")


def has_default_build(layer) -> bool:
    """Returns whether a layer has no `build` of its own; Keras has wrapped it in each instance."""
    return getattr(layer.build, "_is_default", False)


def name_like(layer, other):
    """Has variables that a layer makes named as if it stood where another layer stands.

    Keras takes for granted that a layer stands in the one that calls it.
    """
    layer._parent_path = other._parent_path


class BuildsForCall:
    """A layer that is built for all arguments of its first call, by `_build_for_call`.

    Keras would look at the shape of the first one alone where `build` takes one shape; attention
    needs them all.
    """

    def _build_for_call(self, call_spec):
        """Builds what is inside; Keras's `call_spec` has the `arguments_dict` of the call."""
        raise NotImplementedError

    def _maybe_build(self, call_spec):
        if not self.built:
            with self._open_name_scope():
                self._build_for_call(call_spec)
            self.build()


def build_for_call(layer, call_spec):
    """Builds a layer as Keras does before its first call; it may put that off to the call."""
    layer._maybe_build(call_spec)


def passes_training(model) -> bool:
    """Returns whether Keras tells a model if it trains, and so the layers inside it."""
    return model._call_has_training_arg


def set_passes_training(model, passes: bool):
    """Sets whether it does; Keras decides that once, by the signature of `call`."""
    model._call_has_training_arg = passes


def entry_layer():
    """Returns the layer, or model, with which the call in progress began, or None."""
    context = global_state.get_global_attribute("current_call_ctx")
    return None if context is None else context.entry_layer


def told_to_train() -> bool:
    """Returns whether the call in progress, if there is one, was told that it trains.

    Only a layer's own `call` is given that; methods and properties are not.
    """
    # `Layer._get_call_context` would begin a call where there is none, and clear losses.
    context = global_state.get_global_attribute("current_call_ctx")
    return context is not None and bool(context.get_value("training"))


@contextlib.contextmanager
def telling(model, training: bool):
    """A context that tells the layers inside a model whether they train.

    Keras does so in `__call__`, which its trainer for JAX goes around.
    """
    model._get_call_context().set_value("training", training)
    try:
        yield
    finally:
        model._maybe_reset_call_context()


def without_autocast():
    """Returns a context in which variables are read in their own precision."""
    return AutocastScope(None)


@contextlib.contextmanager
def computing_in_float32(layer):
    """A context in which a layer computes in float32; setting `dtype_policy` may quantize it."""
    saved, layer.__dict__["_dtype_policy"] = layer._dtype_policy, keras.DTypePolicy("float32")
    try:
        yield
    finally:
        layer.__dict__["_dtype_policy"] = saved


def inner_graph(model):
    """Returns the Functional model that a Sequential one has made of its layers, or None."""
    return getattr(model, "_functional", None)


def make_inner_graph_anew(model):
    """Has a Sequential model, if it has made a graph, make another of the layers it has now."""
    if model._functional is not None:
        model._functional = None
        model.build(direct_layers(model)[0].batch_shape)


def graph_nodes(model) -> list:
    """Returns the calls of layers and operations of which a graph consists, by depth."""
    graph = inner_graph(model) or model
    return [node for nodes in graph._nodes_by_depth.values() for node in nodes]


def graph_record(model) -> dict:
    """Returns what a model has on record of its graph, for `set_graph_record` to bring back."""
    names = ("_functional", "built") if isinstance(model, keras.Sequential) else _GRAPH
    return {name: vars(model)[name] for name in names}


def graph_record_anew(model) -> dict:
    """Returns the record of a Functional model anew, after calls in it got other layers.

    Keras makes it in the constructor alone.
    """
    return dict(zip(_GRAPH, map_graph(model.inputs, model.outputs), strict=True))


def set_graph_record(model, record: dict):
    """Sets what a model has on record of its graph; Keras would track the lists as attributes."""
    with DotNotTrackScope():
        for name, value in record.items():
            setattr(model, name, value)


def calls_of(operation) -> tuple[list, list]:
    """Returns the calls of a layer in graphs, and those that read its outputs: Keras's own lists.

    `layer.input` and `layer.output` are of one call alone.
    """
    return operation._inbound_nodes, operation._outbound_nodes


def operation_of(tensor):
    """Returns the layer or operation that a symbolic tensor comes from."""
    return tensor._keras_history.operation


def set_operation_of(tensor, operation, call: int, output: int):
    """Makes a symbolic tensor one that comes from a call of an operation, and which output."""
    tensor._keras_history = type(tensor._keras_history)(operation, call, output)


def has_functional_constructor(kind) -> bool:
    """Returns whether Keras clones a Functional model of the class `kind` as one of that class."""
    return functional_like_constructor(kind)


def compiled_loss(model, y, y_pred, sample_weight):
    """Returns the loss that a model was compiled with; `compute_loss` adds all penalties to it."""
    return model._compile_loss(y, y_pred, sample_weight)


def before_quantizing(check):
    """Has `check(model)` run before Keras quantizes any model: it raises an error to refuse.

    On the class, for models that were made before this package was imported too.
    """
    original = keras.Model._check_quantize_args

    def checked(self, *args, **kwargs):
        check(self)
        return original(self, *args, **kwargs)

    keras.Model._check_quantize_args = checked


def forget_traces_of(function, layer):
    """Makes a method compiled by `tf.function` be traced anew for a layer.

    TensorFlow keeps a function an object, and makes a new one where there is none.
    """
    function._descriptor_cache.pop(layer, None)
