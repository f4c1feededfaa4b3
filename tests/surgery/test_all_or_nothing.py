"""A `sparsify`, `freeze` or `strip` that fails leaves the model as it was, wherever it fails."""

import keras
import numpy as np
import pytest
from keras import layers

import state_of_sparsity as sos
from state_of_sparsity.surgery import finish_exchange, replacement, rewiring, sparsify
from tests.surgery.test_in_place import Body, Chain, Task

HALF = sos.schedules.ConstantSparsity(0.5, begin_step=0, frequency=1)
X = np.random.default_rng(0).normal(size=(4, 6)).astype("float32")


def prune(layer):
    return sos.MagnitudePruning(layer, HALF)


class Block(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first = layers.Dense(6, name="first", kernel_regularizer="l2")
        self.rest = [layers.Dense(6, name="second", kernel_constraint="unit_norm")]

    def call(self, x):
        return self.rest[0](self.first(x))


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.block = Block(name="block")
        self.parts = {"head": layers.Dense(3, name="head")}
        self.flat = layers.Flatten(name="flat")

    def call(self, x):
        return self.flat(self.parts["head"](self.block(x)))


def subclassed():
    model = Subclassed()
    model(X)
    return model


def graph():
    inputs = keras.Input((6,))
    body = keras.Sequential([keras.Input((6,)), layers.Dense(6, name="d")], name="body")
    hidden = layers.Flatten(name="flat")(Block(name="block")(body(inputs)))
    return keras.Model(inputs, layers.Dense(3, name="head")(hidden))


KINDS = {
    "subclassed": subclassed,
    "graph": graph,
    "task": lambda: Task(Body(name="body")),
    "chain": lambda: Chain(name="chain"),
}
every_kind = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)


def tree(layer, depth=0):
    """Returns what a model is made of, by identity: layers, where they are held, nodes, terms."""
    held = {
        name: repr(keras.tree.map_structure(id, value))
        for name, value in vars(layer).items()
        if not name.startswith("_") and isinstance(value, (layers.Layer, list, tuple, dict))
    }
    nodes = [
        [id(node) for node in found] for found in (layer._inbound_nodes, layer._outbound_nodes)
    ]
    terms = [(v.path, v.regularizer, v.constraint) for v in layer.weights]
    compiled = [getattr(layer, name, None) for name in ("compiled", "predict_function", "built")]
    inside = [tree(inner, depth + 1) for inner in layer._layers]
    return type(layer), layer.name, id(layer), held, nodes, terms, compiled, inside


class Injected(Exception):
    """What the test makes fail."""


def failing_at(call, number):
    """Returns a function like `call` that fails when it is called the given time."""
    calls = []

    def replacement(*args, **kwargs):
        calls.append(args)
        if len(calls) == number:
            raise Injected
        return call(*args, **kwargs)

    return replacement


STAGES = [
    (sos.MagnitudePruning, "build", 2),
    *[(sparsify, name, 1) for name in ("Decisions", "check_calls", "finish_exchange")],
    (finish_exchange, "tell_training", 1),
    *[(replacement, "replace_sub_layers", n) for n in (1, 2)],
    (replacement, "_check_all_found", 2),
    (replacement, "set_layers", 2),
    (replacement, "_replaced", 12),
    (rewiring, "_move_nodes", 3),
    (rewiring, "set_graph_record", 2),
    (rewiring, "graph_record_anew", 2),
    *[(keras.models, "clone_model", n) for n in (1, 2)],
    (sos.MagnitudePruning, "compute_output_spec", 2),
]


@every_kind
@pytest.mark.parametrize(
    ("where", "name", "number"), STAGES, ids=[f"{name}-{number}" for _, name, number in STAGES]
)
def test_a_failure_at_any_stage(make, where, name, number, monkeypatch):
    model = make()
    model.compile("sgd", "mse")
    model.make_predict_function()
    outputs, before = model(X).numpy(), tree(model)
    with monkeypatch.context() as patch:
        patch.setattr(where, name, failing_at(getattr(where, name), number))
        try:
            sos.sparsify(model, prune)
        except Injected:
            pass
        else:
            return  # this kind of model does not come that way
    assert tree(model) == before
    np.testing.assert_array_equal(model(X), outputs)
    sparse = sos.sparsify(model, prune)  # without a word of an earlier sparse model
    assert sos.masks(sparse)


@every_kind
@pytest.mark.parametrize("end", [sos.freeze, lambda model: sos.strip(model, in_place=True)])
def test_a_failure_of_what_ends_sparsity(make, end, monkeypatch):
    model = sos.sparsify(make(), prune)
    sos.UpdateSparsity().update(model, 0)
    outputs, before, masks = model(X).numpy(), tree(model), sos.masks(model)
    with monkeypatch.context() as patch:
        patch.setattr(finish_exchange, "tell_training", failing_at(None, 1))
        patch.setattr(finish_exchange, "forget_training", failing_at(None, 1))
        with pytest.raises(Injected):
            end(model)
    assert tree(model) == before
    np.testing.assert_array_equal(model(X), outputs)
    for path, mask in sos.masks(model).items():
        np.testing.assert_array_equal(mask, masks[path])


def test_a_rule_that_fails_late():
    def fail_at_head(layer):
        if layer.name == "head":
            raise Injected
        return prune(layer)

    for make in (subclassed, graph):
        model = make()
        before = tree(model)
        with pytest.raises(Injected):
            sos.sparsify(model, fail_at_head)
        assert tree(model) == before


def test_a_layer_that_fails_when_it_is_called_sparse():
    class Picky(layers.Layer):
        """Insists on a layer of Keras's."""

        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.inner = layers.Dense(6, name="inner")

        def call(self, x):
            if type(self.inner) is not layers.Dense:
                raise Injected
            return self.inner(x)

    inputs = keras.Input((6,))
    model = keras.Model(inputs, layers.Dense(3, name="head")(Picky(name="picky")(inputs)))
    before, outputs = tree(model), model(X)
    with pytest.raises(Injected):
        sos.sparsify(model, prune)
    assert tree(model) == before
    np.testing.assert_array_equal(model(X), outputs)
