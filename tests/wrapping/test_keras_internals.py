"""Each private name of Keras still means what `keras_internals` takes it for.

A failure here says which function has to be written anew for the installed version of Keras.
"""

import contextlib
import inspect

import keras
import numpy as np
import pytest
from keras import layers, ops

from state_of_sparsity.wrapping import keras_internals as internals
from state_of_sparsity.wrapping import keras_optimizers

VERSION = f"changed in Keras {keras.__version__}: write keras_internals.{{}} anew"
TENSORFLOW = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's own")


def check(function, found, expected=True):
    """Fails by the name of the function in `keras_internals` that no longer does what it says."""
    assert found == expected, VERSION.format(function.__name__)


def ids(found):
    return [id(each) for each in found]


class Holder(layers.Layer):
    """A layer with layers inside it, and a weight of its own."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first = layers.Dense(3, name="first")
        self.rest = [keras.Sequential([layers.Dense(3, name="deep")], name="chain")]

    def build(self, input_shape):
        self.scale = self.add_weight(name="scale", shape=(3,))
        self.count = self.add_weight(name="count", shape=(), trainable=False)

    def call(self, x):
        return self.rest[0](self.first(x)) * self.scale


def graph():
    inputs = keras.Input((3,), name="inputs")
    return keras.Model(inputs, layers.Dense(2, name="head")(layers.ReLU(name="relu")(inputs)))


def holder():
    made = Holder(name="holder")
    made(np.ones((2, 3), "float32"))
    return made


def test_every_function_has_its_test():
    functions = inspect.getmembers(internals, inspect.isfunction)
    named = {name for name, value in functions if value.__module__ == internals.__name__}
    tests = "".join(inspect.getsource(value) for name, value in globals().items() if "test" in name)
    assert len(named) > 30
    assert sorted(name for name in named if f"internals.{name}" not in tests) == []


def test_layers_inside_layers():
    made = holder()
    chain = made.rest[0]
    inside = {id(made.first), id(chain), id(chain.layers[0])}
    found = {id(each) for each in internals.layers_inside(made)}
    check(internals.layers_inside, inside <= found and id(made) not in found)
    check(internals.all_layers, internals.all_layers(made)[0] is made)
    check(internals.all_layers, set(ids(internals.all_layers(made))), found | {id(made)})
    check(internals.direct_layers, ids(internals.direct_layers(made)), ids([made.first, chain]))


def test_what_a_sequential_model_tracks():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    kinds = {type(each).__name__ for each in internals.tracked_layers(model)}
    check(internals.tracked_layers, kinds, {"InputLayer", "Dense", "Functional"})


def test_layers_are_exchanged_in_a_built_layer():
    made, new = holder(), layers.Dense(3, name="new")
    chain, old = made.rest[0], made.first
    with pytest.raises(ValueError):
        made.other = layers.Dense(1)  # which is why there is `unlocked`
    with internals.unlocked(made):
        made.first = new
    check(internals.unlocked, internals.direct_layers(made)[-1] is new)
    with pytest.raises(ValueError):
        made.other = layers.Dense(1)
    internals.set_layers(made, [new, chain], [old])
    check(internals.set_layers, ids(internals.direct_layers(made)), ids([new, chain]))
    check(internals.set_layers, id(old) not in ids(internals.all_layers(made)))


def test_bookkeeping_is_what_layers_have_on_themselves():
    model = graph()
    held = {
        name
        for layer in (model, holder(), keras.Sequential([keras.Input((3,)), layers.Dense(2)]))
        for name, value in vars(layer).items()
        if name.startswith("_")
        and any(isinstance(each, layers.Layer) for each in keras.tree.flatten(value))
    }
    assert held - internals.BOOKKEEPING == set(), VERSION.format("BOOKKEEPING")


def test_what_keras_sets_on_callbacks():
    callback, model = keras.callbacks.Callback(), graph()
    before = set(vars(callback))
    callback.set_params({"epochs": 1})
    callback.set_model(model)
    assert before | set(vars(callback)) <= {*internals.SET_ON_CALLBACKS, "validation_data"}, (
        VERSION.format("SET_ON_CALLBACKS")
    )


def test_models_whose_constructor_failed():
    class Broken(keras.Model):
        pass

    check(internals.is_whole, internals.is_whole(graph()))
    check(internals.is_whole, internals.is_whole(Broken()))
    check(internals.is_whole, internals.is_whole(object.__new__(type(graph()))), False)


def test_own_variables():
    made = holder()
    check(
        internals.own_variables, ids(internals.own_variables(made)), ids([made.scale, made.count])
    )
    made.trainable = False
    found = ids(internals.own_trainable_variables(made))
    check(internals.own_trainable_variables, found, ids([made.scale]))


def test_trainable_of_a_layer_alone():
    made = holder()
    internals.set_own_trainable(made, False)
    check(internals.set_own_trainable, (made.trainable, made.first.trainable), (False, True))


@pytest.mark.parametrize(
    ("name", "make"),
    [("kernel", lambda: layers.Dense(4)), ("embeddings", lambda: layers.Embedding(5, 4))],
)
def test_stored_weights(name, make):
    layer = make()
    layer(np.ones((2, 3), "int32"))
    stored = getattr(layer, name)
    layer.enable_lora(2)
    check(internals.stored_weight, internals.stored_weight(layer, name) is stored)
    assert getattr(layer, name) is not stored
    assert internals.stored_weight(layers.ReLU(), name) is None


def test_the_default_build():
    check(internals.has_default_build, internals.has_default_build(layers.ReLU()))
    check(internals.has_default_build, internals.has_default_build(layers.Dense(2)), False)
    check(internals.has_default_build, internals.has_default_build(Holder()), False)


def test_names_as_if_a_layer_stood_elsewhere():
    made, new = holder(), layers.Dense(2, name="new")
    internals.name_like(new, made.first)
    new.build((None, 3))
    check(internals.name_like, new.kernel.path, "holder/new/kernel")


def test_building_for_a_call():
    calls = []

    class Two(internals.BuildsForCall, layers.Layer):
        def build(self, input_shape=None):
            calls.append("build")

        def _build_for_call(self, call_spec):
            calls.append(list(call_spec.arguments_dict)[:2])
            internals.build_for_call(inner, call_spec)

        def call(self, query, value, key=None):
            return inner(query, value, key)

    inner = layers.MultiHeadAttention(1, 2)
    Two()(*[np.ones((1, 2, 3), "float32")] * 2)
    check(internals.BuildsForCall, calls, [["query", "value"], "build"])
    check(internals.build_for_call, inner.built)


class Told(layers.Layer):
    """Notes what it was told, in its `call` and in what the call in progress knows."""

    def call(self, x, training=None):
        self.told = training, internals.told_to_train()
        self.entry = id(internals.entry_layer())
        return x


class Untold(keras.Model):
    def __init__(self):
        super().__init__()
        self.inside = Told()

    def call(self, x):
        return self.inside(x)


def test_who_is_told_of_training():
    model, x = Untold(), np.ones((1, 2), "float32")
    check(internals.passes_training, internals.passes_training(model), False)
    check(internals.entry_layer, internals.entry_layer() is None)
    model(x)
    check(internals.entry_layer, model.inside.entry == id(model))
    check(internals.told_to_train, model.inside.told[1], False)
    internals.set_passes_training(model, True)
    check(internals.set_passes_training, internals.passes_training(model))
    with internals.telling(model, True):
        model.inside(x)
    check(internals.telling, model.inside.told, (True, True))
    check(internals.told_to_train, internals.told_to_train(), False)


def test_precisions():
    layer = layers.Dense(2, dtype="mixed_bfloat16")
    layer.build((None, 3))

    class Reads(layers.Layer):
        def call(self, x):
            with internals.without_autocast():
                found.append(keras.backend.standardize_dtype(ops.add(layer.kernel, 0).dtype))
            found.append(keras.backend.standardize_dtype(ops.add(layer.kernel, 0).dtype))
            return x

    found = []
    Reads(dtype="mixed_bfloat16")(np.ones((1, 3), "float32"))
    check(internals.without_autocast, found, ["float32", "bfloat16"])
    policy = layer.dtype_policy
    with internals.computing_in_float32(layer):
        check(internals.computing_in_float32, layer.compute_dtype, "float32")
    check(internals.computing_in_float32, layer.dtype_policy is policy)


def test_the_graph_inside_a_sequential_model():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    made, record = internals.inner_graph(model), internals.graph_record(model)
    check(internals.inner_graph, isinstance(made, keras.Function))
    check(internals.inner_graph, internals.inner_graph(graph()) is None)
    internals.make_inner_graph_anew(model)
    anew = internals.inner_graph(model)
    check(internals.make_inner_graph_anew, isinstance(anew, keras.Function) and anew is not made)
    internals.set_graph_record(model, record)
    check(internals.set_graph_record, internals.inner_graph(model) is made)


def test_calls_in_a_graph():
    model = graph()
    relu, head = model.get_layer("relu"), model.get_layer("head")
    found = [node.operation.name for node in internals.graph_nodes(model)]
    check(internals.graph_nodes, sorted(found), ["head", "inputs", "relu"])
    made, read = internals.calls_of(relu)
    check(internals.calls_of, made[0].operation is relu and read[0].operation is head)
    check(internals.operation_of, internals.operation_of(relu.output) is relu)


def test_a_graph_with_another_layer():
    model, new = graph(), layers.ReLU(negative_slope=1.0, name="new")
    old = model.get_layer("relu")
    record = internals.graph_record(model)
    for index, node in enumerate(internals.calls_of(old)[0]):
        node.operation = new
        internals.calls_of(new)[0].append(node)
        internals.set_operation_of(node.outputs[0], new, index, 0)
    check(internals.set_operation_of, internals.operation_of(model.get_layer("head").input) is new)
    internals.set_graph_record(model, internals.graph_record_anew(model))
    check(internals.graph_record_anew, [each.name for each in model.layers][1], "new")
    internals.set_graph_record(model, record)
    check(internals.graph_record, [each.name for each in model.layers][1], "relu")


def test_classes_that_graphs_are_cloned_as():
    class Same(keras.Model):
        pass

    class Own(keras.Model):
        def __init__(self, size):
            super().__init__()

    found = [internals.has_functional_constructor(kind) for kind in (keras.Model, Same, Own)]
    check(internals.has_functional_constructor, found, [True, True, False])


def test_the_loss_without_penalties():
    model = graph()
    model.add_loss = None
    model.get_layer("head").kernel_regularizer = "l2"
    model.compile("sgd", "mse")
    y, y_pred = np.zeros((4, 2), "float32"), np.full((4, 2), 3.0, "float32")
    found = internals.compiled_loss(model, y, ops.convert_to_tensor(y_pred), None)
    check(internals.compiled_loss, float(found), 9.0)


def test_optimizers():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    optimizer = keras.optimizers.SGD(schedule)
    check(
        keras_optimizers.given_learning_rate,
        keras_optimizers.given_learning_rate(optimizer) is schedule,
    )
    variables = [keras.Variable([1.0]) for _ in range(3)]
    optimizer.build(variables)
    found = [keras_optimizers.place_of(optimizer, variable) for variable in variables]
    check(keras_optimizers.place_of, found, [0, 1, 2])


def test_quantizing_is_refused_before_it_begins(monkeypatch):
    monkeypatch.setattr(
        keras.Model, "_check_quantize_args", keras.Model._check_quantize_args, raising=True
    )
    asked = []

    class Refused(Exception):
        pass

    def refuse(model):
        asked.append(model)
        raise Refused

    internals.before_quantizing(refuse)
    model = graph()
    with contextlib.suppress(Refused):
        model.quantize("int8")
    check(internals.before_quantizing, asked and asked[0] is model)
    check(internals.before_quantizing, model.get_layer("head").quantization_mode is None)


@TENSORFLOW
def test_methods_that_are_traced_anew():
    import tensorflow as tf

    class Compiled(layers.Layer):
        @tf.function
        def doubled(self, x):
            traced.append(self)
            return 2 * x

    traced, layer = [], Compiled()
    for _ in range(2):
        layer.doubled(tf.constant(1.0))
    assert len(traced) == 1
    internals.forget_traces_of(vars(Compiled)["doubled"], layer)
    layer.doubled(tf.constant(1.0))
    check(internals.forget_traces_of, len(traced), 2)


@pytest.mark.parametrize(
    ("optimizer", "count"),
    [
        *((keras.optimizers.SGD(), 0), (keras.optimizers.SGD(momentum=0.9), 1)),
        *((keras.optimizers.Adam(), 2), (keras.optimizers.Adam(amsgrad=True), 3)),
        *((keras.optimizers.RMSprop(momentum=0.9, centered=True), 3), (keras.optimizers.Lion(), 1)),
        (keras.optimizers.Adam(use_ema=True), 3),
        (keras.optimizers.Adafactor(), 1),  # its rows and columns have other shapes
    ],
)
def test_slots_of_an_optimizer(optimizer, count):
    variables = [keras.Variable(np.ones((2, 3))) for _ in range(3)]
    optimizer.build(variables)
    function = keras_optimizers.slots_of
    slots = [list(function(optimizer, variable)) for variable in variables]
    check(function, [len(found) for found in slots], [count] * 3)
    known = ids(optimizer.variables)
    check(function, all(id(slot) in known for found in slots for slot in found))
    check(function, len({id(slot) for found in slots for slot in found}), 3 * count)
    check(function, list(function(optimizer, keras.Variable(np.ones((2, 3))))), [])
