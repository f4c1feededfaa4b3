"""`UpdateSparsity` over whole runs: resumed, stopped early, too short, or without it."""

import warnings

import keras
import numpy as np
import pytest
from keras import layers

import state_of_sparsity as sos
from state_of_sparsity.schedules.tfmot_schedules import pruning_schedules

ROWS = 24
X = np.random.default_rng(0).normal(size=(ROWS, 6)).astype("float32")
Y = np.random.default_rng(1).normal(size=(ROWS, 4)).astype("float32")
SIZE = 24


def staircase(step):
    return True, min(step, SIZE - 1) / SIZE


def network(schedule=staircase):
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((6,)), layers.Dense(4, name="dense")])
    return sos.sparsify(model, lambda layer: sos.MagnitudePruning(layer, schedule))


def zeros(model):
    (mask,) = sos.masks(model).values()
    return int(np.count_nonzero(~mask))


def fit(model, *callbacks, compiled=True, updater=None, batch=4, **kwargs):
    if compiled:
        # Eager steps: a few of them take less time than to trace one.
        model.compile(keras.optimizers.Adam(0.05), "mse", run_eagerly=True)
    callbacks = [updater or sos.UpdateSparsity(), *callbacks]
    return model.fit(
        X, Y, batch_size=batch, shuffle=False, verbose=0, callbacks=callbacks, **kwargs
    )


class AtFirstBatch(keras.callbacks.Callback):
    """Notes the zeros that the first batch of a run trains with."""

    seen = None

    def on_train_batch_begin(self, batch, logs=None):
        if self.seen is None:
            self.seen = zeros(self.model)


# Resuming.


def test_a_second_fit_goes_on_where_the_optimizer_is():
    model, first = network(), AtFirstBatch()
    fit(model)
    fit(model, first, compiled=False)
    assert (first.seen, zeros(model)) == (6, 12)


def test_initial_epoch_alone_counts_no_steps():
    model, first = network(), AtFirstBatch()
    fit(model, first, initial_epoch=2, epochs=3)
    assert (first.seen, zeros(model)) == (0, 6)


def test_a_model_loaded_with_its_optimizer_goes_on(tmp_path):
    schedule = sos.schedules.PolynomialDecay(0.0, 0.75, begin_step=0, end_step=12, frequency=1)
    whole = network(schedule)
    fit(whole, epochs=2)
    half = network(schedule)
    with pytest.warns(UserWarning, match="does not reach its final value"):
        fit(half)
    half.save(tmp_path / "half.keras")
    loaded = keras.saving.load_model(tmp_path / "half.keras")
    first = AtFirstBatch()
    fit(loaded, first, compiled=False, initial_epoch=1, epochs=2)
    assert first.seen == zeros(half)
    assert zeros(loaded) == zeros(whole) == 18
    for value, expected in zip(loaded.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(value, expected)


class Interrupted(Exception):
    pass


@pytest.mark.parametrize("backup_first", [True, False])
@pytest.mark.parametrize(("frequency", "resumed_at"), [("epoch", 6), (3, 9)])
def test_backup_and_restore_before_or_after_in_the_list(
    backup_first, frequency, resumed_at, tmp_path
):
    def run(model, *more):
        model.compile(keras.optimizers.Adam(0.05), "mse", run_eagerly=True)
        backup = keras.callbacks.BackupAndRestore(tmp_path / "backup", save_freq=frequency)
        callbacks = [sos.UpdateSparsity(), backup]
        if backup_first:  # it then saves before the update of its step
            callbacks.reverse()
        options = {"batch_size": 4, "epochs": 2, "shuffle": False, "verbose": 0}
        model.fit(X, Y, callbacks=[*callbacks, *more], **options)

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if int(self.model.optimizer.iterations) == 10:
                raise Interrupted

    with pytest.raises(Interrupted):
        run(network(), Stop())
    resumed, first = network(), AtFirstBatch()
    run(resumed, first)
    assert first.seen == resumed_at
    assert zeros(resumed) == int(resumed.optimizer.iterations)
    if frequency == "epoch":  # in mid-epoch Keras takes the whole epoch again
        whole = network()
        fit(whole, epochs=2)
        for value, expected in zip(resumed.get_weights(), whole.get_weights(), strict=True):
            np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_an_interrupted_fit_can_be_taken_up_again():
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 2:
                raise Interrupted

    model = network()
    with pytest.raises(Interrupted):
        fit(model, Stop())
    assert zeros(model) == 3
    fit(model, compiled=False)
    assert zeros(model) == 9


def test_early_stopping_sees_the_update_of_the_last_step():
    seen = []

    class Metric(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(zeros(self.model))
            logs["watched"] = 1.0

    model = network()
    stop = keras.callbacks.EarlyStopping("watched", patience=1, mode="min")
    history = fit(model, Metric(), stop, epochs=5)
    assert len(history.epoch) == 2 and seen == [6, 12]
    assert zeros(model) == 12
    assert int(model.optimizer.iterations) == 12


def test_stop_training_in_mid_epoch():
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 3

    model = network()
    fit(model, Stop())
    assert zeros(model) == int(model.optimizer.iterations)


def test_a_checkpoint_of_an_epoch_holds_its_masks(tmp_path):
    model = network()
    path = str(tmp_path / "{epoch}.keras")
    model.compile("sgd", "mse", run_eagerly=True)
    callbacks = [sos.UpdateSparsity(), keras.callbacks.ModelCheckpoint(path)]
    with pytest.raises(ValueError, match=r"`schedule`.*cannot be saved"):
        model.fit(X, Y, batch_size=4, verbose=0, callbacks=callbacks)
    schedule = sos.schedules.PolynomialDecay(0.0, 0.75, begin_step=0, end_step=12, frequency=1)
    model = network(schedule)
    fit(model, keras.callbacks.ModelCheckpoint(path), epochs=2)
    for epoch in (1, 2):
        loaded = keras.saving.load_model(tmp_path / f"{epoch}.keras")
        assert zeros(loaded) == round(schedule(6 * epoch)[1] * SIZE)


# Schedules that do not fit into the run.

TFMOT = pruning_schedules()
OURS = sos.schedules
UNREACHED = {
    "decay too long": OURS.PolynomialDecay(0.0, 0.5, 0, 7, frequency=1),
    "TF-MOT's decay too long": TFMOT.PolynomialDecay(0.0, 0.5, 0, 7, frequency=1),
    "TF-MOT's frequency does not divide": TFMOT.PolynomialDecay(0.0, 0.5, 0, 5, frequency=2),
    "begins too late": OURS.PolynomialDecay(0.0, 0.5, 7, 9, frequency=1),
    "constant begins too late": OURS.ConstantSparsity(0.5, begin_step=7),
    "TF-MOT's constant begins too late": TFMOT.ConstantSparsity(0.5, begin_step=7),
}
REACHED = {
    "at the very last step": OURS.PolynomialDecay(0.0, 0.5, 0, 6, frequency=2),
    "frequency does not divide": OURS.PolynomialDecay(0.0, 0.5, 0, 6, frequency=4),
    "frequency longer than the schedule": OURS.PolynomialDecay(0.0, 0.5, 0, 6),
    "TF-MOT's at the very last step": TFMOT.PolynomialDecay(0.0, 0.5, 0, 6, frequency=2),
    "constant at the last step": OURS.ConstantSparsity(0.5, begin_step=6),
    "a decay that is flat": OURS.PolynomialDecay(0.5, 0.5, 0, 50, frequency=1),
    "no sparsity": OURS.ConstantSparsity(0.0, begin_step=0),
    "a callable has no end": lambda step: (step == 99, 0.5),
}


@pytest.mark.parametrize("schedule", UNREACHED.values(), ids=UNREACHED.keys())
def test_a_schedule_that_is_not_reached_warns_before_training(schedule):
    model = network(schedule)
    seen = []

    class AtBegin(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            seen.append(len(caught))

    message = "`schedule` does not reach its final value"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit(model, AtBegin())
    found = [warning for warning in caught if message in str(warning.message)]
    assert len(found) == 1 and type(schedule).__name__ in str(found[0].message)
    assert seen[0] >= 1


@pytest.mark.parametrize("schedule", UNREACHED.values(), ids=UNREACHED.keys())
def test_strict_makes_it_an_error_before_the_first_step(schedule):
    model = network(schedule)
    before = model.get_weights()
    with pytest.raises(ValueError, match="`schedule` does not reach its final value"):
        fit(model, updater=sos.UpdateSparsity(strict=True))
    for value, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(value, old)


@pytest.mark.parametrize("schedule", REACHED.values(), ids=REACHED.keys())
def test_a_schedule_that_is_reached_does_not_warn(schedule):
    fit(network(schedule), updater=sos.UpdateSparsity(strict=True))


@pytest.mark.parametrize("per_execution", [1, 4])
def test_the_default_frequency_does_not_miss_the_end(per_execution):
    model = network(OURS.PolynomialDecay(0.0, 0.9, begin_step=0, end_step=6))
    model.compile("sgd", "mse", steps_per_execution=per_execution)
    fit(model, compiled=False)
    assert zeros(model) == round(0.9 * SIZE)


def test_a_run_that_begins_at_a_later_epoch_is_shorter():
    model = network(OURS.ConstantSparsity(0.5, begin_step=12))
    with pytest.raises(ValueError, match="of steps 0 to 6"):
        fit(model, updater=sos.UpdateSparsity(strict=True), epochs=2, initial_epoch=1)


def test_a_ramp_that_does_not_arrive_warns():
    model = keras.Sequential([keras.Input((6,)), layers.Dense(4)])
    ramp = OURS.Ramp(1.0, 0, 7)
    model = sos.sparsify(model, lambda layer: sos.VariationalDropout(layer, ramp))
    with pytest.warns(UserWarning, match=r"does not reach its final value.*Ramp\(weight=1.0"):
        fit(model)


def test_a_ramp_that_arrives_at_the_last_step_does_not_warn():
    model = keras.Sequential([keras.Input((6,)), layers.Dense(4)])
    ramp = OURS.Ramp(1.0, 0, 6)
    fit(sos.sparsify(model, lambda layer: sos.VariationalDropout(layer, ramp)))


def test_gradient_accumulation_makes_a_run_shorter():
    model = network(OURS.ConstantSparsity(0.5, begin_step=6))
    model.compile(keras.optimizers.SGD(gradient_accumulation_steps=2), "mse")
    with pytest.warns(UserWarning, match="does not reach its final value"):
        model.fit(X, Y, batch_size=4, verbose=0, callbacks=[sos.UpdateSparsity()])


def test_a_resumed_run_beyond_the_schedule_does_not_warn():
    model = network(OURS.PolynomialDecay(0.0, 0.5, 0, 6, frequency=2))
    strict = sos.UpdateSparsity(strict=True)
    fit(model, updater=strict)
    fit(model, updater=strict, compiled=False)
    assert zeros(model) == 12


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_unknown_length_warns_at_the_end():
    def batches():
        for _ in range(3):
            yield X[:4], Y[:4]

    model = network(OURS.ConstantSparsity(0.5, begin_step=6))
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="does not reach its final value"):
        model.fit(batches(), shuffle=False, verbose=0, callbacks=[sos.UpdateSparsity()])


# What cannot be trained sparse.


class OwnOptimizer(keras.Model):
    """Trains with an optimizer that `model.optimizer` does not show, as GANs do."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(4, name="dense")

    def call(self, x):
        return self.dense(x)

    def compile(self, optimizer):
        super().compile(run_eagerly=True)
        self.own_optimizer = optimizer

    def train_step(self, data):
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(self(data[0], training=True) - data[1]))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.own_optimizer.apply(gradients, self.trainable_variables)
        return {"loss": loss}


def test_an_optimizer_that_counts_no_steps():
    model = OwnOptimizer()
    model(X)
    model = sos.sparsify(model, lambda layer: sos.MagnitudePruning(layer, staircase))
    model.compile(keras.optimizers.SGD())
    # Any warning is an error in these tests.
    with pytest.raises((ValueError, RuntimeError, UserWarning), match="optimizer"):
        fit(model, compiled=False)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: keras.Sequential([layers.Dense(4)]), "must be built"),
        (lambda: keras.Sequential([keras.Input((6,)), layers.Dense(4)]), "must have sparse layers"),
    ],
)
def test_a_model_that_cannot_be_driven(model, message):
    with pytest.raises(ValueError, match=f"`model` {message}"):
        fit(model())


def test_a_sparsity_outside_its_range_stops_training():
    model = network(lambda step: (True, 0.5 if step < 4 else 1.0))
    with pytest.raises(ValueError, match=r"`schedule` must return .*\[0, 1\).*at step 4"):
        fit(model)


def test_nan_weights_stop_training_at_the_update():
    model = network()
    model.compile(keras.optimizers.SGD(1e30), "mse")
    with pytest.raises(ValueError, match="'dense' holds NaN at a sparsity update"):
        model.fit(X, Y, batch_size=4, epochs=3, verbose=0, callbacks=[sos.UpdateSparsity()])


def test_a_schedule_that_starts_over_is_refused():
    model = network(sos.schedules.PolynomialDecay(0.0, 0.5, 0, 4, frequency=2))
    fit(model, epochs=2)
    model.compile("sgd", "mse")  # a new optimizer, at step 0
    with pytest.raises(ValueError, match=r"`optimizer` starts at step 0.*sos.freeze"):
        fit(model, compiled=False)
    assert zeros(model) == 12


def test_a_constant_sparsity_may_start_over_in_silence():
    model = network(sos.schedules.ConstantSparsity(0.5, 0, frequency=1))
    fit(model, epochs=1)
    model.compile("sgd", "mse")
    model.fit(
        X, Y, batch_size=4, verbose=0, callbacks=[sos.UpdateSparsity()]
    )  # warnings are errors
