"""What schedules answer: numbers of any library, and the last update of any schedule."""

import decimal
import fractions
import time

import keras
import ml_dtypes
import numpy as np
import pytest

import state_of_sparsity as sos
from state_of_sparsity.schedules import ConstantSparsity, PolynomialDecay, answers
from state_of_sparsity.schedules.answers import (
    TooManySteps,
    last_due,
    says_last_update,
    sparsity_at,
    sparsity_due,
)
from state_of_sparsity.schedules.tfmot_schedules import pruning_schedules
from state_of_sparsity.training import description, run_identity
from state_of_sparsity.updates.due import SparsityUpdates

FAR = 10**8


def tensorflow(value, dtype=None):
    import tensorflow as tf

    return tf.constant(value, dtype)


def jax(value, dtype=None):
    import jax.numpy as jnp

    return jnp.asarray(value, dtype)


NINE_TENTHS = {
    "float": lambda: 0.9,
    "float64": lambda: np.float64(0.9),
    "float32": lambda: np.float32(0.9),
    "float16": lambda: np.float16(0.9),
    "bfloat16": lambda: ml_dtypes.bfloat16(0.9),
    "longdouble": lambda: np.longdouble(0.9),
    "fraction": lambda: fractions.Fraction(9, 10),
    "decimal": lambda: decimal.Decimal("0.9"),
    "an array without axes": lambda: np.array(0.9, "float16"),
    "an array of one": lambda: np.array([0.9], "float32"),
    "tensorflow": lambda: tensorflow(0.9),
    "tensorflow float16": lambda: tensorflow(0.9, "float16"),
    "tensorflow bfloat16": lambda: tensorflow(0.9, "bfloat16"),
    "tensorflow bfloat16 of one": lambda: tensorflow([0.9], "bfloat16"),
    "jax": lambda: jax(0.9),
    "jax float16": lambda: jax(0.9, "float16"),
    "jax bfloat16": lambda: jax(0.9, "bfloat16"),
    "jax bfloat16 of one": lambda: jax([0.9], "bfloat16"),
    "keras": lambda: keras.ops.convert_to_tensor(0.9, "bfloat16"),
    "a variable": lambda: keras.Variable(0.9, trainable=False),
}


@pytest.mark.parametrize("kind", NINE_TENTHS)
def test_a_number_of_any_library_counts_as_meant(kind):
    value = NINE_TENTHS[kind]()
    assert sparsity_due(lambda step: (True, value), 0) == 0.9
    assert sparsity_at(lambda step: (False, value), 0) == 0.9


@pytest.mark.parametrize("value", [0.4375, 0.98, 0.125, 1 / 3])
def test_a_double_counts_to_its_last_digit(value):
    assert sparsity_due(lambda step: (True, value), 0) == value


@pytest.mark.parametrize(
    "sparsity",
    [
        *(
            True,
            False,
            np.True_,
            np.False_,
            "0.5",
            b"0.5",
            np.str_("0.5"),
            None,
            0.5j,
            {},
            object(),
        ),
        *([0.5, 0.6], [], np.zeros(2), np.float32("nan"), ml_dtypes.bfloat16(1), -0.5),
        ml_dtypes.bfloat16(0.999),  # rounds to 1
        fractions.Fraction(3, 2),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_fraction_is_refused_by_name(sparsity):
    with pytest.raises(ValueError, match=r"`schedule` must return .* Received: .* at step 7\."):
        sparsity_due(lambda step: (True, sparsity), 7)
    assert sparsity_at(lambda step: (True, sparsity), 7) is None


@pytest.mark.parametrize("should", ["True", "", 0.5, 2, np.nan, [True, False], {}], ids=repr)
def test_what_is_no_truth_value_is_refused_by_name(should):
    """A sparsity in its place, too: (sparsity, should_prune) in the wrong order."""
    with pytest.raises(ValueError, match=r"`schedule` must return .* Received: .* at step 7\."):
        sparsity_due(lambda step: (should, 0.5), 7)


@pytest.mark.parametrize(
    ("should", "due"),
    [(1, True), (0, False), (None, False), (np.array([True]), True), (np.float32(1), True)],
)
def test_truth_values(should, due):
    assert sparsity_due(lambda step: (should, 0.5), 0) == (0.5 if due else None)


@pytest.mark.parametrize(
    ("sparsity", "expected"),
    [(ml_dtypes.bfloat16(0.9), 0.9), (np.float32(0.98), 0.98), (0.0, 0.0), (None, None)],
)
def test_results_and_dry_runs_say_the_number_that_was_meant(sparsity, expected):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])
    model = sos.sparsify(
        model, lambda layer: sos.MagnitudePruning(layer, lambda step: (False, sparsity))
    )
    assert run_identity.target_sparsity(model, 10) == expected
    (column,) = description._schedules(model).values()
    assert column(10) == pytest.approx(np.nan if expected is None else expected, nan_ok=True)


@pytest.mark.parametrize("steps", [(0, 20, 10.0), (0, 20.0, 10), (np.float64(0), 20, 10)], ids=repr)
def test_results_and_dry_runs_take_the_steps_that_training_takes(steps):
    """TF-MOT's own schedules compare steps as tensors, and refuse a 20.0 when they are asked."""
    begin, end, frequency = steps
    schedule = pruning_schedules().PolynomialDecay(0.0, 0.9, begin, end, frequency=frequency)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])
    model = sos.sparsify(model, lambda layer: sos.MagnitudePruning(layer, schedule))
    assert SparsityUpdates(model).due(20, 20)[0].value == 0.9
    assert run_identity.target_sparsity(model, 40) == 0.9
    (column,) = description._schedules(model).values()
    assert column(40) == pytest.approx(0.9)


def test_a_step_without_an_update_needs_no_sparsity():
    assert sparsity_due(lambda step: (False, None), 3) is None
    assert sparsity_at(lambda step: (False, None), 3) is None


# The last update.


class Saying:
    """A schedule of a user's own that says when its last update was."""

    def __init__(self, at=1000, answer=None):
        self.at, self.answer, self.asked = at, answer, 0

    def __call__(self, step):
        self.asked += 1
        return step == self.at, 0.75

    def last_update(self, step):
        if self.answer is not None:
            return self.answer
        return self.at if step >= self.at else None


class CalledAnew(PolynomialDecay):
    """Inherits a `last_update` that knows nothing of when it prunes."""

    def __call__(self, step):
        return step % 7 == 0, 0.25


class PrunesAnew(ConstantSparsity):
    def should_prune(self, step):
        return step % 7 == 0


class Slower:
    """Hands everything else on to the schedule inside it."""

    def __init__(self, inside):
        self.inside = inside

    def __call__(self, step):
        return self.inside(step // 2)

    def __getattr__(self, name):
        return getattr(self.inside, name)


def overridden():
    schedule = ConstantSparsity(0.5, begin_step=0)
    schedule.should_prune = lambda step: step % 7 == 0
    return schedule


class AnotherMeaning(Saying):
    last_update = 5


class TakesNoStep(Saying):
    def last_update(self):
        return 5


def test_a_jump_is_answered_at_once():
    begin = time.monotonic()
    saying = Saying()
    assert last_due(saying, 0, FAR) == (1000, 0.75)
    assert saying.asked == 1
    assert last_due(saying, 1001, FAR) is None
    assert last_due(PolynomialDecay(0.0, 0.9, 0, 1000, frequency=7), 0, FAR) == (1000, 0.9)
    assert last_due(ConstantSparsity(0.5, begin_step=3, frequency=1000), 0, FAR) == (
        99_999_003,
        0.5,
    )
    assert last_due(ConstantSparsity(0.5, begin_step=FAR + 1), 0, FAR) is None
    assert last_due(lambda step: (step % 5000 == 1, 0.5), 0, FAR) == (99_995_001, 0.5)
    assert time.monotonic() - begin < 10


def test_an_update_at_the_first_step_counts():
    assert last_due(Saying(at=10), 10, 15) == (10, 0.75)
    assert last_due(Saying(at=10), 11, 15) is None


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (CalledAnew(0.0, 0.9, 0, 10), (98, 0.25)),
        (PrunesAnew(0.5, begin_step=0), (98, 0.5)),
        (Slower(ConstantSparsity(0.5, begin_step=0, end_step=30, frequency=30)), (61, 0.5)),
        (overridden(), (98, 0.5)),
        (AnotherMeaning(at=90), (90, 0.75)),
        (TakesNoStep(at=90), (90, 0.75)),
    ],
    ids=["__call__", "should_prune", "a wrapper", "an object's own", "a number", "no step"],
)
def test_an_inherited_answer_does_not_count(schedule, expected):
    assert not says_last_update(schedule)
    assert last_due(schedule, 0, 100) == expected


def test_a_subclass_that_says_both_or_only_another_sparsity_speaks_for_itself():
    class Both(CalledAnew):
        def last_update(self, step):
            return step - step % 7

    class Half(ConstantSparsity):
        def sparsity(self, step):
            return self.target_sparsity / 2

    assert last_due(Both(0.0, 0.9, 0, 10), 0, FAR) == (FAR - FAR % 7, 0.25)
    assert last_due(Half(0.5, begin_step=0), 0, FAR) == (FAR, 0.25)


@pytest.mark.parametrize("schedule", [CalledAnew(0.0, 0.9, 0, 10), overridden()])
def test_a_run_is_not_measured_by_a_schedule_that_was_changed(schedule):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])
    model = sos.sparsify(model, lambda layer: sos.MagnitudePruning(layer, schedule))
    assert SparsityUpdates(model).unreached(0, 5) == []


@pytest.mark.parametrize("answer", [-1, 101, 0.5, True, "5", 98])
def test_a_wrong_last_update_is_an_error_that_names_it(answer):
    with pytest.raises(ValueError, match=r"`last_update` must return .*Received: .*Saying"):
        last_due(Saying(at=90, answer=answer), 0, 100)


def test_a_last_update_after_the_step_is_refused_even_if_one_is_due_then():
    with pytest.raises(ValueError, match=r"the last step up to `step`.*Received: 101 .*step 100"):
        last_due(Saying(at=101, answer=101), 0, 100)


def test_a_schedule_that_would_have_to_be_asked_for_ever_says_what_to_do():
    def schedule(step):
        return step <= 1000, 0.5

    begin = time.monotonic()
    with pytest.raises(TooManySteps, match=r"`schedule` has no update .*`last_update\(step\)`"):
        last_due(schedule, 0, FAR)
    assert time.monotonic() - begin < 10
    assert last_due(schedule, 2000, 101_999) is None  # it was asked about each of them


def test_a_slow_schedule_is_asked_for_seconds_and_no_longer(monkeypatch):
    def schedule(step):
        time.sleep(0.001)
        return False, 0.5

    monkeypatch.setattr(answers, "MOST_SECONDS_ASKED", 0.1)
    begin = time.monotonic()
    with pytest.raises(TooManySteps, match=r"in the [\d,]+ steps up to .*`last_update"):
        last_due(schedule, 0, FAR)
    assert time.monotonic() - begin < 5


@pytest.mark.parametrize("kind", ["ConstantSparsity", "PolynomialDecay"])
def test_tfmots_own_schedules_are_fast_too(kind):
    theirs = {
        "ConstantSparsity": lambda s: s.ConstantSparsity(0.5, 0, 100, frequency=30),
        "PolynomialDecay": lambda s: s.PolynomialDecay(0.0, 0.5, 0, 90, frequency=30),
    }[kind](pruning_schedules())
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])
    model = sos.sparsify(model, lambda layer: sos.MagnitudePruning(layer, theirs))
    begin = time.monotonic()
    sos.UpdateSparsity().update(model, FAR)
    assert time.monotonic() - begin < 10
    assert sos.report(model).sparsity == 0.5


@pytest.mark.parametrize("answer", [(True, 10**400), (10**400, 0.5)])
def test_an_integer_larger_than_any_float_is_said_to_be_wrong(answer):
    with pytest.raises(ValueError, match="`schedule` must return"):
        sparsity_due(lambda step: answer, 0)
    assert sparsity_at(lambda step: (True, 10**400), 0) is None
