"""Models that are first updated, or updated again, when the steps of their schedule are past."""

import time

import keras
import numpy as np
import pytest
from keras import layers

import state_of_sparsity as sos

FAR = 10**8
X, Y = np.ones((12, 6), "float32"), np.ones((12, 4), "float32")


@keras.saving.register_keras_serializable(package="tests")
class Steps:
    """A schedule of a user's own, with two updates and no more to say."""

    def __call__(self, step):
        return step in (2, 50), 0.25 if step == 2 else 0.75

    def get_config(self):
        return {}


class Saying(Steps):
    """The same, with `last_update` alone beside it."""

    def last_update(self, step):
        return 50 if step >= 50 else 2 if step >= 2 else None


class Twice(sos.schedules.PolynomialDecay):
    """Prunes when it likes, and inherits `last_update`, `begin_step` and `end_step`."""

    def __call__(self, step):
        return step in (2, 50), 0.25 if step == 2 else 0.75


ENDED = {
    "polynomial": lambda: sos.schedules.PolynomialDecay(0.0, 0.75, 2, 50, frequency=7),
    "constant": lambda: sos.schedules.ConstantSparsity(0.75, 2, 50),
    "function": lambda: lambda step: (step in (2, 50), 0.25 if step == 2 else 0.75),
    "class": Steps,
    "class with last_update": Saying,
    "subclass": lambda: Twice(0.0, 0.5, 0, 10),
}
every_schedule = pytest.mark.parametrize("schedule", ENDED.values(), ids=ENDED)


def pruned(schedule, *more):
    model = keras.Sequential([keras.Input((6,)), layers.Dense(4, name="dense"), *more])
    return sos.sparsify(model, lambda layer: sos.MagnitudePruning(layer, schedule))


def sparsity(model):
    return sos.report(model).sparsity


@pytest.mark.parametrize(("zeros", "then"), [(17, 17), (16, 18), (19, 19)])
def test_a_weight_that_may_be_rounding_is_no_update_that_was_missed(zeros, then):
    model = pruned(sos.schedules.PolynomialDecay(0.0, 0.75, 2, 50))
    wrapper = model.get_layer("dense")
    wrapper.update(0, zeros / 24, [wrapper])
    sos.UpdateSparsity().update(model, 60)
    assert sparsity(model) == pytest.approx(then / 24)


@every_schedule
def test_a_first_update_after_the_end_gives_the_final_sparsity(schedule):
    model = pruned(schedule())
    sos.UpdateSparsity().update(model, 1000)
    assert sparsity(model) == 0.75


@every_schedule
def test_a_first_update_between_two_gives_that_of_the_last(schedule):
    model = pruned(schedule())
    sos.UpdateSparsity().update(model, 12)
    assert 0 < sparsity(model) <= 0.75
    sos.UpdateSparsity().update(model, 1000)  # another one: the masks are behind
    assert sparsity(model) == 0.75


def test_one_layer_that_is_behind_is_brought_up():
    model = pruned(sos.schedules.PolynomialDecay(0.0, 0.75, 2, 50), layers.Dense(4, name="second"))
    wrapper = model.get_layer("dense")
    wrapper.update(0, 0.75, [wrapper])
    sos.UpdateSparsity().update(model, 60)
    assert sparsity(model) == 0.75


@every_schedule
def test_fit_after_the_end_gives_the_final_sparsity(schedule):
    model = pruned(schedule())
    model.compile("sgd", "mse", run_eagerly=True)
    model.optimizer.iterations.assign(1000)
    model.fit(X, Y, verbose=0, callbacks=[sos.UpdateSparsity()])
    assert sparsity(model) == 0.75


def test_a_model_that_was_saved_before_the_end_and_reloaded(tmp_path):
    model = pruned(Steps())
    sos.UpdateSparsity().update(model, 2)
    model.save(tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras")
    sos.UpdateSparsity().update(model, 100)
    assert sparsity(model) == 0.75


def test_a_step_that_another_callback_restored_counts_too():
    class Restore(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.model.optimizer.iterations.assign(1000)

    model = pruned(Steps())
    model.compile("sgd", "mse", run_eagerly=True)
    model.fit(X, Y, verbose=0, callbacks=[sos.UpdateSparsity(), Restore()])
    assert sparsity(model) == 0.75


def test_masks_that_are_sparser_stay():
    model = pruned(sos.schedules.ConstantSparsity(0.9, 0))
    sos.UpdateSparsity().update(model, 0)
    before = sparsity(model)
    model.layers[0].schedule = Steps()
    sos.UpdateSparsity().update(model, 1000)
    assert sparsity(model) == before > 0.75


@pytest.mark.parametrize("first", [True, False], ids=["first", "later"])
@pytest.mark.parametrize("kind", ["polynomial", "constant", "class with last_update"])
def test_a_hundred_million_steps_are_answered_at_once(kind, first):
    model, updater = pruned(ENDED[kind]()), sos.UpdateSparsity()
    begin = time.monotonic()
    if not first:
        updater.update(model, 0)
    updater.update(model, FAR)
    assert time.monotonic() - begin < 10
    assert sparsity(model) == 0.75


@pytest.mark.parametrize("kind", ["function", "subclass"])
def test_a_schedule_that_cannot_say_is_an_error_in_a_jump_and_a_warning_at_first(kind):
    begin = time.monotonic()
    model, updater = pruned(ENDED[kind]()), sos.UpdateSparsity()
    updater.update(model, 0)
    with pytest.raises(ValueError, match=r"`schedule` has no update in the 100,000 .*last_update"):
        updater.update(model, FAR)
    with pytest.warns(UserWarning, match=r"`last_update.*Until its next update no weight is mask"):
        sos.UpdateSparsity().update(model, FAR)
    assert sparsity(model) == 0.0
    sos.UpdateSparsity().update(model, 1000)
    sos.UpdateSparsity().update(model, FAR)  # the masks show that there was one
    assert time.monotonic() - begin < 20


def test_one_masked_layer_shows_that_a_schedule_had_an_update():
    model = pruned(lambda step: (step == 2, 0.5), layers.Dense(4, name="second"))
    wrapper = model.get_layer("dense")
    wrapper.update(0, 0.5, [wrapper])
    sos.UpdateSparsity().update(model, FAR)  # without a warning
    assert sparsity(model) == pytest.approx(12 / 40)


def test_ramps_have_their_final_weight():
    ramp = sos.schedules.Ramp(2.0, 0, 50, "smoothed_cubic")
    model = keras.Sequential([keras.Input((6,)), layers.Dense(4, name="dense")])
    model = sos.sparsify(model, lambda layer: sos.VariationalDropout(layer, ramp))
    begin = time.monotonic()
    for updater in (sos.UpdateSparsity(), sos.UpdateSparsity()):
        updater.update(model, FAR)
        (weight,) = (v for v in model.non_trainable_variables if v.name == "penalty_weight")
        assert weight.numpy() == np.float32(2.0)
    assert time.monotonic() - begin < 10
