"""Functions traced by hand: made anew, warned about, or refused; never served dense in silence."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import state_of_sparsity as sos

SEARCHES_FOR_OTHER_MODELS = True  # see conftest.py
HALF = sos.schedules.ConstantSparsity(0.5, begin_step=0, frequency=1)
X = np.random.default_rng(0).normal(size=(4, 6)).astype("float32")
RULES = {
    "masks": lambda layer: sos.MagnitudePruning(layer, HALF),
    "variational dropout": lambda layer: sos.VariationalDropout(layer, 1e-4),
    "l0": lambda layer: sos.L0Regularization(layer, 1e-4),
}
every_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)


class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.a, self.b = layers.Dense(6, name="a"), layers.Dense(3, name="b")

    def call(self, x, training=None):
        return self.b(self.a(x))

    @tf.function
    def serve(self, x):
        return self(x, training=False)


class CompiledCall(Net):
    @tf.function
    def call(self, x):
        return self.b(self.a(x))


def test_methods_traced_before_run_sparse():
    model, other = Net(), Net()
    dense, untouched = model.serve(X), other.serve(X)
    sos.sparsify(model, RULES["masks"])
    sos.UpdateSparsity().update(model, 0)
    np.testing.assert_allclose(model.serve(X), model(X), rtol=1e-5)
    assert np.abs(model.serve(X) - dense).max() > 1e-3
    np.testing.assert_array_equal(other.serve(X), untouched)


def test_methods_of_layers_inside():
    class Block(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.dense = layers.Dense(6, name="dense")

        @tf.function
        def inner(self, x):
            return self.dense(x)

        def call(self, x):
            return self.inner(x)

    inputs = keras.Input((6,))
    plain = keras.Model(inputs, Block(name="block")(inputs))
    dense = plain(X)
    sparse = sos.sparsify(plain, RULES["masks"])
    sos.UpdateSparsity().update(sparse, 0)
    kernel = sparse.get_layer("block").dense.evaluation_kernel(
        sparse.get_layer("block").dense.sparse_kernels[0]
    )
    np.testing.assert_allclose(sparse(X), X @ kernel, rtol=1e-5, atol=1e-6)
    assert np.abs(sparse(X) - dense).max() > 1e-3


@every_rule
@pytest.mark.parametrize("called", [True, False])
def test_a_compiled_call_is_refused(rule, called):
    model = CompiledCall()
    if called:
        model(X)
    else:
        model.a.build((None, 6))
        model.b.build((None, 6))
        model.built = True
    with pytest.raises(ValueError, match=r"`model` must not compile its `call`.*decorator"):
        sos.sparsify(model, rule)
    assert type(model.a) is layers.Dense


@every_rule
def test_a_compiled_method_of_a_layer_to_wrap_is_refused(rule):
    class Compiled(layers.Layer):
        def build(self, shape):
            self.w = self.add_weight(shape=(shape[-1], 3), name="w")

        @tf.function
        def multiply(self, x):
            return x @ self.w

        def call(self, x):
            return self.multiply(x)

    plain = keras.Sequential([keras.Input((6,)), Compiled(name="compiled")])
    with pytest.raises(ValueError, match=r"`layer` must have no compiled method.*\['multiply'\]"):
        sos.sparsify(plain, rule)
    with pytest.raises(ValueError, match=r"`layer` must have no compiled method"):
        rule(Compiled())
    assert sos.sparsify(plain, [("", None)]) is not None


def test_a_function_in_an_attribute_is_warned_of():
    model = Net()
    model(X)
    model.fast = tf.function(lambda x: model(x, training=False))
    model.fast(X)
    with pytest.warns(UserWarning, match=r"attributes \['fast'\] of .*Make them again"):
        sos.sparsify(model, RULES["masks"])


@pytest.mark.parametrize("held", ["attribute", "list", "dict"])
def test_a_compiled_function_that_a_layer_to_wrap_holds(held):
    class Holder(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            function = tf.function(lambda x: x @ self.w)
            kinds = {"attribute": function, "list": [function], "dict": {"f": function}}
            self.held = kinds[held]

        def build(self, shape):
            self.w = self.add_weight(shape=(shape[-1], 3), name="w")

        def call(self, x):
            function = self.held["f"] if held == "dict" else self.held
            return (function[0] if held == "list" else function)(x)

    plain = keras.Sequential([keras.Input((6,)), Holder(name="holder")])
    with pytest.raises(ValueError, match=r"`layer` must have no compiled method.*\['held'\]"):
        sos.sparsify(plain, RULES["masks"])


def test_models_around_one_that_is_changed_in_place_are_traced_anew():
    class Outer(keras.Model):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def call(self, x):
            return 2.0 * self.inner(x)

    inner = Net()
    subclassed = Outer(inner)
    inputs = keras.Input((6,))
    graph = keras.Model(inputs, 2.0 * inner(inputs))
    dense = [outer.predict(X, verbose=0) for outer in (subclassed, graph)]
    sos.sparsify(inner, RULES["masks"])
    sos.UpdateSparsity().update(inner, 0)
    for outer, before in zip((subclassed, graph), dense, strict=True):
        np.testing.assert_allclose(outer.predict(X, verbose=0), 2.0 * inner(X), rtol=1e-5)
        assert np.abs(outer.predict(X, verbose=0) - before).max() > 1e-3
