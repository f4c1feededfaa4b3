"""Graphs whose class has a constructor of its own: their layers are exchanged in place."""

import keras
import numpy as np
import pytest
from keras import layers

import state_of_sparsity as sos

SEARCHES_FOR_OTHER_MODELS = True  # see conftest.py
HALF = sos.schedules.ConstantSparsity(0.5, begin_step=0, frequency=1)
X = np.random.default_rng(0).normal(size=(4, 6)).astype("float32")
Y = np.ones((4, 3), "float32")


def prune(layer):
    return sos.MagnitudePruning(layer, HALF)


class Body(keras.Model):
    """A graph with a constructor and a configuration of its own, and a layer in an attribute."""

    def __init__(self, width=6, **kwargs):
        self.first = layers.Dense(width, "relu", name="first")
        inputs = keras.Input((6,), name="features")
        shortcut = layers.Dense(width, name="second")(self.first(inputs)) + inputs
        super().__init__(inputs, layers.Dense(width, name="third")(shortcut), **kwargs)
        self.width = width

    def get_config(self):
        return {"width": self.width, "name": self.name}


class Task(keras.Model):
    """Holds a body, and uses one of its layers once more."""

    def __init__(self, body, **kwargs):
        inputs = body.input
        hidden = body.first(body(inputs))
        super().__init__(inputs, layers.Dense(3, name="head")(hidden), **kwargs)
        self.body = body

    def train_step(self, data):
        return {"own": 1.0, **super().train_step(data)}

    def get_config(self):
        return {"body": keras.saving.serialize_keras_object(self.body), "name": self.name}

    @classmethod
    def from_config(cls, config):
        body = keras.saving.deserialize_keras_object(config["body"], custom_objects={"Body": Body})
        return cls(**{**config, "body": body})


class Chain(keras.Sequential):
    def __init__(self, width=5, **kwargs):
        super().__init__(
            [
                keras.Input((6,)),
                layers.Dense(width, name="first"),
                layers.ReLU(name="relu"),
                layers.Dense(3, name="second"),
            ],
            **kwargs,
        )
        self.width = width

    def get_config(self):
        return {"width": self.width, "name": self.name}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def task():
    keras.utils.set_random_seed(0)
    return Task(Body(name="body"), name="task")


def chain():
    keras.utils.set_random_seed(0)
    return Chain(name="chain")


BODY = ["first", "second", "third"]
KINDS = {
    "task": (task, [*(f"body/{name}" for name in BODY), "head"]),
    "chain": (chain, ["first", "second"]),
    "body": (lambda: Body(name="body"), BODY),
}
every_kind = pytest.mark.parametrize(("make", "paths"), KINDS.values(), ids=KINDS)


def fit(model, **options):
    model.compile("sgd", "mse")
    y = np.ones((4, model.output_shape[-1]), "float32")
    return model.fit(X, y, epochs=2, verbose=0, callbacks=[sos.UpdateSparsity()], **options)


@every_kind
def test_the_model_stays_the_same_object(make, paths):
    model = make()
    before = model(X).numpy()
    weights = {id(v) for v in model.trainable_variables}
    order = [layer.name for layer in model.layers]
    assert sos.sparsify(model, prune) is model
    assert list(sos.sparse_layers(model)) == paths
    assert [layer.name for layer in model.layers] == order
    assert {id(v) for v in model.trainable_variables} == weights
    assert not model.compiled
    np.testing.assert_allclose(model(X).numpy(), before, rtol=1e-6)
    fit(model)
    for mask in sos.masks(model).values():
        assert np.count_nonzero(~mask) == round(0.5 * mask.size)


def test_layers_are_exchanged_in_attributes_and_in_the_graph_and_used_by_both_models():
    model = sos.sparsify(task(), prune)
    assert type(model.body.first) is sos.MagnitudePruning
    assert model.body.get_layer("first") is model.body.first
    assert "own" in fit(model).history
    kernels = {
        path: np.where(mask, kernel, 0)
        for (path, mask), kernel in zip(
            sos.masks(model).items(),
            [w.layer.kernel.numpy() for w in sos.sparse_layers(model).values()],
            strict=True,
        )
    }
    biases = {
        f"{path}/kernel": w.layer.bias.numpy() for path, w in sos.sparse_layers(model).items()
    }

    def dense(name, x):
        return x @ kernels[name] + biases[name]

    hidden = dense("body/second/kernel", np.maximum(dense("body/first/kernel", X), 0)) + X
    body = dense("body/third/kernel", hidden)
    np.testing.assert_allclose(model.body(X).numpy(), body, rtol=1e-5, atol=1e-5)
    expected = dense("head/kernel", np.maximum(dense("body/first/kernel", body), 0))
    np.testing.assert_allclose(model(X).numpy(), expected, rtol=1e-5, atol=1e-5)


@every_kind
@pytest.mark.parametrize("in_place", [False, True])
def test_strip(make, paths, in_place, tmp_path):
    model = sos.sparsify(make(), prune)
    fit(model)
    outputs, masks = model(X).numpy(), sos.masks(model)
    plain = sos.strip(model, in_place=in_place)
    assert (plain is model) == in_place and type(plain) is type(model)
    assert sos.sparse_layers(plain) == {}
    np.testing.assert_array_equal(plain(X).numpy(), outputs)
    assert sos.report(plain).nonzero == sum(mask.sum() for mask in masks.values())
    plain.save(tmp_path / "model.keras")
    custom = {"Body": Body, "Task": Task, "Chain": Chain}
    loaded = keras.saving.load_model(tmp_path / "model.keras", custom_objects=custom)
    np.testing.assert_allclose(loaded(X).numpy(), outputs, rtol=1e-6)


@pytest.mark.slow
@every_kind
def test_saving_it_sparse_warns(make, paths, tmp_path):
    model = sos.sparsify(make(), prune)
    with pytest.warns(UserWarning, match="cannot be loaded.*save_weights.*strip") as caught:
        model.save(tmp_path / "model.keras")
    assert sum("cannot be loaded" in str(warning.message) for warning in caught) == 1
    model.save_weights(tmp_path / "model.weights.h5")  # that way works, and says nothing
    other = sos.sparsify(make(), prune)
    fit(model)
    model.save_weights(tmp_path / "model.weights.h5")
    other.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(other(X).numpy(), model(X).numpy())


def test_inside_a_plain_graph():
    inputs = keras.Input((6,))
    body = Body(name="body")
    plain = keras.Model(inputs, layers.Dense(3, name="head")(body(inputs)))
    before = plain(X).numpy()
    sparse = sos.sparsify(plain, prune)
    assert sparse is not plain and sparse.get_layer("body") is body
    assert list(sos.sparse_layers(sparse)) == [*(f"body/{name}" for name in BODY), "head"]
    np.testing.assert_allclose(sparse(X).numpy(), before, rtol=1e-6)
    fit(sparse)


class Pair(keras.Model):
    """A graph of a plain graph and a plain chain, in an attribute and in none."""

    def __init__(self, **kwargs):
        inputs = keras.Input((6,))
        self.graph = keras.Model(inputs, layers.Dense(6, name="g")(inputs), name="graph")
        chain = keras.Sequential([keras.Input((6,)), layers.Dense(3, name="c")], name="chain")
        outer = keras.Input((6,))
        super().__init__(outer, chain(self.graph(outer)), **kwargs)


def test_plain_graphs_inside():
    model = Pair()
    before = model(X).numpy()
    sos.sparsify(model, prune)
    assert list(sos.sparse_layers(model)) == ["graph/g", "chain/c"]
    assert type(model.graph.get_layer("g")) is sos.MagnitudePruning
    np.testing.assert_allclose(model(X).numpy(), before, rtol=1e-6)
    fit(model)
    outputs = model(X).numpy()
    sos.strip(model, in_place=True)
    np.testing.assert_array_equal(model(X).numpy(), outputs)


class Private(layers.Layer):
    """Holds layers in attributes with names that look like TensorFlow's."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._self_attention_layer = layers.Dense(6, name="attention")
        self._functional_part = layers.Dense(6, name="part")

    def call(self, x):
        return self._functional_part(self._self_attention_layer(x))


def test_attributes_that_begin_like_tensorflows():
    inputs = keras.Input((6,))
    sparse = sos.sparsify(keras.Model(inputs, Private(name="block")(inputs)), prune)
    assert list(sos.sparse_layers(sparse)) == ["block/attention", "block/part"]
    fit(sparse)


class TwiceHeld(layers.Layer):
    """Its list was overwritten by a chain of the same layers, which Keras goes on tracking."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.parts = [layers.Dense(6, name="a"), layers.Dense(6, name="b")]
        self.parts = keras.Sequential(self.parts, name="parts")

    def call(self, x):
        return self.parts(x)


def test_layers_held_by_another_one_too():
    inputs = keras.Input((6,))
    plain = keras.Model(inputs, TwiceHeld(name="block")(inputs))
    before = plain(X).numpy()
    sparse = sos.sparsify(plain, prune)
    assert len(sos.masks(sparse)) == 2
    np.testing.assert_allclose(sparse(X).numpy(), before, rtol=1e-6)
    fit(sparse)


class Generator(Task):
    """Keeps a compiled function, made as keras-hub's text generation is."""

    generate_function = None

    def make_generate_function(self):
        if self.generate_function is None:
            import tensorflow as tf

            self.generate_function = tf.function(self.generate_step)
        return self.generate_function

    def generate_step(self, x):
        return self(x, training=False)

    def generate(self, x):
        return self.make_generate_function()(x)


@pytest.mark.filterwarnings("ignore:The attributes")
def test_functions_compiled_before_are_made_anew():
    model = Generator(Body(name="body"))
    model.generate(X)
    sos.sparsify(model, prune)
    sos.UpdateSparsity().update(model, 0)
    np.testing.assert_allclose(model.generate(X), model(X), rtol=1e-6)
    sos.strip(model, in_place=True)
    np.testing.assert_allclose(model.generate(X), model(X), rtol=1e-6)
