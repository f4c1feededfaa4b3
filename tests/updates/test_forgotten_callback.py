"""Training that nothing drives is a loud error; everything else needs no callback."""

import keras
import numpy as np
import pytest
from keras import layers

import state_of_sparsity as sos

X = np.random.default_rng(0).normal(size=(8, 6)).astype("float32")
Y = np.random.default_rng(1).normal(size=(8, 4)).astype("float32")
HALF = sos.schedules.ConstantSparsity(0.5, begin_step=0, frequency=1)
RAMP = sos.schedules.Ramp(1.0, 0, 2)

DRIVEN = {
    "magnitude": lambda layer: sos.MagnitudePruning(layer, HALF),
    "random": lambda layer: sos.RandomPruning(layer, HALF),
    "variational": lambda layer: sos.VariationalDropout(layer, RAMP, seed=0),
    "l0": lambda layer: sos.L0Regularization(layer, RAMP, seed=0),
}
UNDRIVEN = {
    "fixed": lambda layer: sos.FixedMask(layer, np.eye(6, 4)),
    "variational": lambda layer: sos.VariationalDropout(layer, 0.1, seed=0),
    "l0": lambda layer: sos.L0Regularization(layer, 0.1, seed=0),
}


def network(technique=DRIVEN["magnitude"], **compile_with):
    model = keras.Sequential([keras.Input((6,)), layers.Dense(4, name="dense")])
    model = sos.sparsify(model, technique)
    model.compile("sgd", "mse", **compile_with)
    return model


def forgotten():
    return pytest.raises(RuntimeError, match=r"'dense'.*callbacks=\[sos.UpdateSparsity\(\)\]")


def fit(model, *callbacks, **kwargs):
    return model.fit(X, Y, batch_size=4, verbose=0, callbacks=list(callbacks), **kwargs)


@pytest.mark.parametrize("technique", DRIVEN.values(), ids=DRIVEN.keys())
def test_fit_without_it(technique):
    model = network(technique, run_eagerly=True)
    before = model.get_weights()
    with forgotten():
        fit(model)
    for value, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(value, old)


@pytest.mark.parametrize(
    "mode", [{"run_eagerly": False}, {"jit_compile": True}, {"steps_per_execution": 2}]
)
def test_fit_without_it_in_every_mode(mode):
    with forgotten():
        fit(network(**mode))


@pytest.mark.filterwarnings("ignore:No gate of sos.L0")
@pytest.mark.parametrize("technique", UNDRIVEN.values(), ids=UNDRIVEN.keys())
def test_techniques_that_do_not_change_over_time_need_none(technique):
    model = network(technique, run_eagerly=True)
    fit(model)
    model.train_on_batch(X, Y)
    fit(model, sos.UpdateSparsity())  # and it does no harm
    fit(model)


@pytest.mark.filterwarnings("ignore:No gate of sos.L0")
@pytest.mark.parametrize("technique", ["magnitude", "l0"])
def test_fit_without_it_after_a_run_with_it(technique):
    model = network(DRIVEN[technique])
    fit(model, sos.UpdateSparsity())
    with forgotten():
        fit(model)
    with forgotten():
        model.train_on_batch(X, Y)
    fit(model, sos.UpdateSparsity())  # the step traced before runs on


def test_no_retracing_after_a_forgotten_one():
    traces = []

    class Loss(keras.losses.Loss):
        def call(self, y_true, y_pred):
            traces.append(1)
            return keras.ops.mean(keras.ops.square(y_true - y_pred), axis=-1)

    model = network()
    model.compile("sgd", Loss())
    fit(model, sos.UpdateSparsity(), epochs=2)
    first = len(traces)
    with forgotten():
        fit(model)
    fit(model, sos.UpdateSparsity(), epochs=2)
    assert len(traces) == first


def test_compiling_anew_does_not_hide_it():
    model = network()
    fit(model, sos.UpdateSparsity())
    model.compile("adam", "mse")
    with forgotten():
        fit(model)


def test_a_failed_run_hands_the_layers_back():
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise KeyError("stopped")

    model = network()
    with pytest.raises(KeyError, match="stopped"):
        fit(model, sos.UpdateSparsity(), Stop())
    with forgotten():
        fit(model)


@pytest.mark.parametrize("steps_before", [0, 2])
def test_train_on_batch_without_it(steps_before):
    model = network()
    updater = sos.UpdateSparsity()
    for step in range(steps_before):
        updater.update(model, step)
        model.train_on_batch(X, Y)
    if not steps_before:
        with forgotten():
            model.train_on_batch(X, Y)


@pytest.mark.parametrize("graph", [True, False])
@pytest.mark.parametrize("technique", DRIVEN.values(), ids=DRIVEN.keys())
def test_a_custom_loop_without_it(technique, graph):
    import tensorflow as tf

    model = network(technique)

    def gradients():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(X, training=True) - Y)) + sum(model.losses)
        return tape.gradient(loss, model.trainable_variables)

    step = tf.function(gradients) if graph else gradients
    with forgotten():
        step()
    sos.UpdateSparsity().update(model, 0)
    assert all(value is not None for value in step())


def test_a_gradient_through_another_layer_alone_is_no_training_of_it():
    import tensorflow as tf

    model = network()
    top = layers.Dense(2)
    with tf.GradientTape() as tape:
        outputs = top(tf.stop_gradient(model(X, training=True)))
    assert tape.gradient(outputs, top.trainable_variables)[0] is not None


def test_gradients_of_evaluation_are_not_training():
    import tensorflow as tf

    model = network()
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = model(x, training=False)
    assert tape.gradient(outputs, x).shape == x.shape


@pytest.mark.parametrize("technique", DRIVEN.values(), ids=DRIVEN.keys())
def test_building_and_using_a_model_needs_none(technique, tmp_path):
    model = network(technique, run_eagerly=True)
    model.predict(X, verbose=0)
    model.evaluate(X, Y, verbose=0)
    model.test_on_batch(X, Y)
    model(X)
    model(X, training=True)
    model.summary(print_fn=lambda line: None)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    loaded.predict(X, verbose=0)
    with forgotten():
        fit(loaded)


def test_one_driven_model_does_not_drive_another():
    first, second = network(), network()
    fit(first, sos.UpdateSparsity())
    with forgotten():
        fit(second)


def test_a_layer_used_directly():
    inputs = keras.Input((6,))
    model = keras.Model(inputs, sos.MagnitudePruning(layers.Dense(4, name="dense"), HALF)(inputs))
    model.compile("sgd", "mse")
    with forgotten():
        fit(model)


def test_a_frozen_sparse_layer_is_not_trained():
    inputs = keras.Input((6,))
    hidden = sos.MagnitudePruning(layers.Dense(4, trainable=False), HALF)(inputs)
    model = keras.Model(inputs, layers.Dense(4, name="top")(hidden))
    model.compile("sgd", "mse")
    fit(model)


def test_a_subclassed_model():
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(4, name="dense")

        def call(self, x):
            return self.dense(x)

    model = Net()
    model(X)
    model = sos.sparsify(model, DRIVEN["magnitude"])
    model.compile("sgd", "mse")
    with forgotten():
        fit(model)
    fit(model, sos.UpdateSparsity())
    with forgotten():
        fit(model)
