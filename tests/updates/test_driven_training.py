"""Training goes on without what drove the sparsity before only while nothing is due."""

import keras
import numpy as np
import pytest
from keras import layers

import state_of_sparsity as sos
from tests.slow_variants import slow_but

X = np.random.default_rng(0).normal(size=(24, 6)).astype("float32")
Y = np.random.default_rng(1).normal(size=(24, 4)).astype("float32")
EVERY_OTHER = sos.schedules.PolynomialDecay(0.0, 0.9, 0, 20, frequency=2)
TECHNIQUES = {
    "magnitude": lambda layer: sos.MagnitudePruning(layer, EVERY_OTHER),
    "l0": lambda layer: sos.L0Regularization(layer, sos.schedules.Ramp(1.0, 2, 20), seed=0),
}
pytestmark = [
    pytest.mark.filterwarnings("ignore:`schedule` does not reach"),
    pytest.mark.filterwarnings("ignore:No gate of sos.L0"),
]
only_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="a tape, or a model that survives an error"
)


def network(technique="magnitude", optimizer="sgd", **compile_with):
    rule = TECHNIQUES.get(technique, technique)
    model = keras.Sequential([keras.Input((6,)), layers.Dense(4, name="dense")])
    model = sos.sparsify(model, rule)
    model.compile(optimizer, "mse", **compile_with)
    return model


def pruned(schedule, **kwargs):
    return network(lambda layer: sos.MagnitudePruning(layer, schedule), **kwargs)


def forgotten():
    return pytest.raises(RuntimeError, match=r"'dense'.*callbacks=\[sos.UpdateSparsity\(\)\]")


def fit(model, *callbacks, **kwargs):  # 6 steps
    model.fit(X, Y, batch_size=4, verbose=0, callbacks=list(callbacks), **kwargs)


def drive(model, steps, *, start=0, every=1):
    """Trains as the README says; returns the updater."""
    updater = sos.UpdateSparsity()
    for step in range(start, start + steps):
        if step % every == 0:
            updater.update(model, step)
        model.train_on_batch(X[:4], Y[:4])
    return updater


def steps(model):
    return int(keras.ops.convert_to_tensor(model.optimizer.iterations))


def zeros(model):
    return int(sum(np.count_nonzero(~mask) for mask in sos.masks(model).values()))


def again(model):
    model.compile("sgd", "mse")


DRIVEN_BEFORE = {
    "update": lambda model: sos.UpdateSparsity().update(model, 0),
    "update, compile": lambda model: (sos.UpdateSparsity().update(model, 0), again(model)),
    "fit": lambda model: fit(model, sos.UpdateSparsity(), steps_per_epoch=2),
    "fit, compile": lambda model: (fit(model, sos.UpdateSparsity(), epochs=1), again(model)),
    "fit, update": lambda model: (
        fit(model, sos.UpdateSparsity(), steps_per_epoch=2),
        sos.UpdateSparsity().update(model, 2),
    ),
    "loop": lambda model: drive(model, 3),
    "loop, compile": lambda model: (drive(model, 3), again(model)),
    "loop, fit": lambda model: (
        drive(model, 3),
        fit(model, sos.UpdateSparsity(), steps_per_epoch=2),
    ),
    "update, compile, fit, update, compile": lambda model: (
        sos.UpdateSparsity().update(model, 0),
        again(model),
        drive(model, 2),
        sos.UpdateSparsity().update(model, 2),
        again(model),
    ),
}
TRAIN = {
    "fit": lambda model: fit(model),
    "train_on_batch": lambda model: [model.train_on_batch(X[:4], Y[:4]) for _ in range(6)],
}


@pytest.mark.parametrize("train", TRAIN)
@pytest.mark.parametrize("before", DRIVEN_BEFORE)
@pytest.mark.parametrize("technique", slow_but(["magnitude"], TECHNIQUES))
def test_training_on_without_a_driver(technique, before, train):
    model = network(technique)
    DRIVEN_BEFORE[before](model)
    with forgotten():
        TRAIN[train](model)


@only_tensorflow
@pytest.mark.parametrize("mode", [{"run_eagerly": True}, {"jit_compile": True}, {}])
def test_it_is_told_before_the_step_that_would_miss_an_update(mode):
    model = network(**mode)
    sos.UpdateSparsity().update(model, 0)
    with forgotten() as caught:
        fit(model)
    assert caught.value.__notes__ == ["`update` was last called for step 0; an update is due by 2."]
    assert steps(model) == 2  # the update of step 2 is due when two steps are done
    sos.UpdateSparsity().update(model, 2)
    fit(model, steps_per_epoch=2)  # as told


@only_tensorflow
def test_several_steps_an_execution():
    model = network(steps_per_execution=2)
    sos.UpdateSparsity().update(model, 0)
    with forgotten():
        fit(model)
    assert steps(model) == 2


# What goes on as before.


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_a_loop_may_go_on_after_compile_and_after_fit(technique):
    model = network(technique)
    drive(model, 4)
    again(model)
    drive(model, 4, start=4)
    fit(model, sos.UpdateSparsity())
    drive(model, 4, start=10)
    assert steps(model) == 14


def test_updates_as_often_as_they_are_due():
    schedule = sos.schedules.PolynomialDecay(0.0, 0.9, 0, 12, frequency=3)
    model = pruned(schedule)
    updater = drive(model, 12, every=3)
    updater.update(model, 12)
    assert zeros(model) == round(0.9 * 24)
    fit(model, epochs=3)  # nothing is due any more


def test_nothing_is_due_for_a_while():
    model = pruned(sos.schedules.ConstantSparsity(0.5, 0, frequency=8))
    sos.UpdateSparsity().update(model, 0)
    fit(model)
    assert zeros(model) == 12
    with forgotten():
        fit(model)


def test_a_schedule_is_not_asked_about_a_step_again_and_again():
    asked = []

    def schedule(step):
        asked.append(step)
        return step == 0, 0.5

    model = pruned(schedule)
    sos.UpdateSparsity().update(model, 0)
    fit(model, epochs=3)
    assert len(asked) <= 20  # 18 steps


@pytest.mark.parametrize("every", [2, 4])
def test_accumulated_gradients(every):
    optimizer = keras.optimizers.SGD(0.01, gradient_accumulation_steps=every)
    model = network(optimizer=optimizer)
    updater = sos.UpdateSparsity()
    for batch in range(6 * every):
        if batch % (2 * every) == 0:  # every second step of the optimizer, as the schedule has it
            updater.update(model, steps(model))
        model.train_on_batch(X[:4], Y[:4])
    assert steps(model) == 6
    with forgotten():
        for _ in range(every):
            model.train_on_batch(X[:4], Y[:4])


def test_an_own_callback_that_updates():
    class Mine(keras.callbacks.Callback):
        updater = sos.UpdateSparsity()

        def on_train_batch_begin(self, batch, logs=None):
            self.updater.update(self.model, steps(self.model))

    model = network()
    fit(model, Mine(), epochs=2)
    assert zeros(model) == round(EVERY_OTHER(10)[1] * 24)


def test_callbacks_that_a_loop_calls():
    model = network()
    callbacks = keras.callbacks.CallbackList([sos.UpdateSparsity()], model=model)
    callbacks.on_train_begin()
    for batch in range(4):
        callbacks.on_train_batch_begin(batch)
        model.train_on_batch(X[:4], Y[:4])
        callbacks.on_train_batch_end(batch)
    callbacks.on_train_end()
    assert zeros(model) == round(EVERY_OTHER(4)[1] * 24)
    with forgotten():
        fit(model)


@only_tensorflow
@pytest.mark.parametrize("graph", [True, False])
def test_a_tape_of_the_users_own(graph):
    import tensorflow as tf

    model = network()
    fit(model, sos.UpdateSparsity(), steps_per_epoch=1, epochs=20)
    updater = sos.UpdateSparsity()

    def gradients():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(X, training=True) - Y))
        return tape.gradient(loss, model.trainable_variables)

    step = tf.function(gradients) if graph else gradients
    for count in range(20, 32, 4):
        updater.update(model, count)
        for _ in range(4):
            step()


class OwnOptimizer(keras.Model):
    """Trains with an optimizer that `model.optimizer` does not show, as GANs do."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(4, name="dense")
        self.own_optimizer = keras.optimizers.SGD()

    def call(self, x, training=None):
        return self.dense(x, training=training)

    def train_step(self, data):
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(self(data[0], training=True) - data[1]))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.own_optimizer.apply(gradients, self.trainable_variables)
        return {"loss": loss}


@only_tensorflow
def test_an_optimizer_that_the_model_does_not_show():
    model = OwnOptimizer()
    model(X)
    model = sos.sparsify(model, TECHNIQUES["magnitude"])
    model.compile()
    drive(model, 6)
    with forgotten():
        fit(model)


def test_a_frozen_layer_needs_no_driver_any_more():
    inputs = keras.Input((6,))
    body = sos.sparsify(
        keras.Sequential([inputs, layers.Dense(4, name="dense")]), TECHNIQUES["magnitude"]
    )
    model = keras.Sequential([keras.Input((6,)), body, layers.Dense(4, name="top")])
    model.compile("sgd", "mse")
    fit(model, sos.UpdateSparsity())
    body.trainable = False
    model.compile("sgd", "mse")
    fit(model)


@pytest.mark.slow
def test_a_copy_of_a_driven_model_needs_a_driver_of_its_own():
    import copy

    model = network()
    drive(model, 3)
    copied = copy.deepcopy(model)
    with forgotten():
        fit(copied)
    drive(model, 3, start=3)


# An error ended the first trace.

TRAINED_WITH = {
    "adam": {"optimizer": "adam"},
    "sgd": {"optimizer": "sgd"},
    "metrics": {"optimizer": "sgd", "metrics": ["mae"]},
}
MENDED = {
    "fit": lambda model: fit(model, sos.UpdateSparsity(), epochs=4),
    "loop": lambda model: drive(model, 3),
    "loop, fit": lambda model: (
        drive(model, 3),
        fit(model, sos.UpdateSparsity(), epochs=4),
    ),
}


@only_tensorflow
@pytest.mark.parametrize("mended", MENDED)
@pytest.mark.parametrize("train", TRAIN)
@pytest.mark.parametrize("trained_with", slow_but(["adam"], TRAINED_WITH))
def test_forgotten_then_given_as_told(trained_with, train, mended):
    model = network(**TRAINED_WITH[trained_with])
    for _ in range(2):
        with forgotten():
            TRAIN[train](model)
    MENDED[mended](model)
    assert zeros(model) > 0


class NotTold(keras.Model):
    """A model whose `call` takes no `training`."""

    def __init__(self, rule):
        super().__init__()
        self.dense = rule(layers.Dense(4, name="dense"))

    def call(self, x):
        return self.dense(x)


@only_tensorflow
@pytest.mark.parametrize("compiled_again", [True, False])
@pytest.mark.parametrize("needs_driver", [True, False])
def test_a_model_that_did_not_know_that_it_trains(needs_driver, compiled_again):
    rule = TECHNIQUES["magnitude"] if needs_driver else lambda la: sos.FixedMask(la, np.eye(6, 4))
    model = NotTold(rule)
    model.compile("adam", "mse", metrics=["mae"])
    with pytest.raises(RuntimeError, match="takes no `training`"):
        model.train_on_batch(X, Y)
    if compiled_again:
        model.compile("adam", "mse", metrics=["mae"])
    fit(model, *([sos.UpdateSparsity()] if needs_driver else []), epochs=4)
    assert steps(model) == 24


@only_tensorflow
def test_a_loss_that_failed_may_be_mended():
    class Loss(keras.losses.Loss):
        broken = True

        def call(self, y_true, y_pred):
            if self.broken:
                raise KeyError("mine")
            return keras.ops.mean(keras.ops.square(y_true - y_pred), axis=-1)

    loss = Loss()
    model = network()
    model.compile("adam", loss, metrics=["mae"])
    with pytest.raises(KeyError, match="mine"):
        fit(model, sos.UpdateSparsity())
    loss.broken = False
    fit(model, sos.UpdateSparsity(), epochs=4)
