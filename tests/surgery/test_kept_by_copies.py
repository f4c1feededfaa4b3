"""What a user has set on a model and its layers is there in a sparse model and in stripped ones."""

import types

import keras
import numpy as np
import pytest
from keras import layers

import state_of_sparsity as sos

HALF = sos.schedules.ConstantSparsity(0.5, begin_step=0, frequency=1)
X = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")
Y = X[:, :2]


def prune(layer):
    return sos.MagnitudePruning(layer, HALF)


class Net(keras.Model):
    """A backbone and a head, as for transfer learning."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.backbone = keras.Sequential([layers.Dense(8), layers.Dense(8)], name="backbone")
        self.head = layers.Dense(2, name="head")

    def call(self, x):
        return self.head(self.backbone(x))


def frozen_backbone():
    net = Net()
    net(X)
    net.backbone.trainable = False
    return net


def frozen_projection():
    inputs = keras.Input((3, 4))
    attention = layers.MultiHeadAttention(2, 2)
    model = keras.Model(inputs, layers.Dense(2, name="head")(attention(inputs, inputs)))
    attention.query_dense.trainable = False
    return model


def frozen_kernel():
    inputs = keras.Input((4,))
    hidden = layers.Dense(8, name="hidden")
    model = keras.Model(inputs, layers.Dense(2, name="head")(hidden(inputs)))
    hidden.kernel.trainable = False
    return model


@pytest.mark.parametrize("make", [frozen_backbone, frozen_projection, frozen_kernel])
def test_what_is_frozen_stays_so(make):
    model = make()
    trained = [v.path for v in model.trainable_variables]
    assert 0 < len(trained) < len(model.variables)
    sparse = sos.sparsify(model, [("^head$", prune)], copy=True)
    plain = sos.strip(sparse)
    assert len(sparse.trainable_variables) == len(plain.trainable_variables) == len(trained)
    assert [v.path for v in model.trainable_variables] == trained


def test_a_sparse_layer_that_is_frozen_is_frozen_in_the_copy():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(8), layers.Dense(2)])
    sparse = sos.sparsify(model, prune)
    sparse.layers[0].trainable = False
    assert [layer.trainable for layer in sos.strip(sparse).layers] == [False, True]


def test_a_stripped_backbone_is_not_trained():
    plain = sos.strip(sos.sparsify(frozen_backbone(), [("^head$", prune)]))
    before = plain.backbone.get_weights()
    plain.compile("adam", "mse")
    plain.fit(X, Y, verbose=0)
    for old, new in zip(before, plain.backbone.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


class Block(layers.Layer):
    """A block whose constructor does not take what Keras adds to every configuration."""

    def __init__(self, units):
        super().__init__()
        self.units, self.dense = units, layers.Dense(units)

    def build(self, shape):
        self.dense.build(shape)

    def call(self, x):
        return self.dense(x)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def test_a_copy_computes_in_the_types_of_the_original():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = keras.Sequential([keras.Input((4,)), Block(8), layers.Dense(2, dtype="float32")])
    finally:
        keras.config.set_dtype_policy(before)
    sparse = sos.sparsify(model, prune)
    plain = sos.strip(sparse)
    assert plain.layers[0].dense.compute_dtype == "bfloat16"
    np.testing.assert_array_equal(plain.predict(X, verbose=0), sparse.predict(X, verbose=0))


class WithLoss(keras.Model):
    """Has a loss of its own by an attribute that is set later, and no constructor."""

    smoothing = 0.0

    def compute_loss(self, *args, **kwargs):
        return super().compute_loss(*args, **kwargs) + self.smoothing


def test_attributes_of_a_graph_go_with_it():
    inputs = keras.Input((4,))
    hidden, head = layers.Dense(8), layers.Dense(2)
    model = WithLoss(inputs, head(hidden(inputs)))
    model.smoothing, model.head, model.parts = 100.0, head, {"first": [hidden]}
    model.tracker = keras.metrics.Mean(name="tracker")
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    sparse = sos.sparsify(model, prune)
    sparse.compile("adam", "mse")
    assert sparse.evaluate(X, Y, verbose=0)[0] > 100
    assert sparse.tracker is model.tracker
    assert sparse.head is sparse.layers[2] and sparse.parts["first"][0] is sparse.layers[1]
    plain = sos.strip(sparse)
    assert type(plain) is WithLoss and plain.smoothing == 100
    assert plain.head is plain.layers[2] and plain.parts["first"][0] is plain.layers[1]
    assert len(plain.weights) == len(model.weights) and not plain.compiled
    assert model.head is head and model.parts["first"][0] is hidden


def graph_with(**attributes):
    """Returns a Functional model on which attributes were set."""
    inputs = keras.Input((4,))
    hidden = layers.Dense(8, name="hidden")(inputs)
    model = keras.Model(inputs, layers.Dense(2, name="head")(hidden))
    model.encoder = keras.Model(inputs, hidden)
    for name, value in attributes.items():
        setattr(model, name, value)
    return model


def test_a_method_set_on_a_model_is_bound_to_its_clone():
    model = graph_with()
    model.who = types.MethodType(lambda self: self, model)
    sparse = sos.sparsify(model, prune)
    assert sparse.who() is sparse and model.who() is model
    plain = sos.strip(sparse)
    assert plain.who() is plain


def test_variables_and_other_models_over_the_same_layers_stay_behind():
    model = graph_with(temperature=keras.Variable(1.0), teacher=layers.Dense(2, name="teacher"))
    sparse = sos.sparsify(model, prune)
    plain = sos.strip(sparse)
    for each in (sparse, plain):
        assert not hasattr(each, "temperature") and not hasattr(each, "encoder")
        assert each.teacher is model.teacher
    assert [v.path for v in plain.trainable_variables] == [
        f"{name}/{part}" for name in ("hidden", "head") for part in ("kernel", "bias")
    ]
