"""Schedules against TF-MOT and closed forms, and the arguments they refuse."""

import itertools

import numpy as np
import pytest

from state_of_sparsity.schedules import sparsity as schedules
from state_of_sparsity.schedules.ramp import Ramp
from state_of_sparsity.schedules.sparsity import ConstantSparsity, PolynomialDecay, check_schedule
from state_of_sparsity.schedules.tfmot_schedules import pruning_schedules
from state_of_sparsity.schedules.tfmot_twins import without_tensorflow


@pytest.fixture(scope="module")
def tfmot():
    return pruning_schedules()


def same_as_tfmot(ours, theirs, steps):
    """Checks values and steps, but for an update at `end_step`, which is never left out here."""
    for step in steps:
        should_prune, sparsity = theirs(step)
        assert ours(step)[0] == (bool(should_prune) or step == ours.end_step), step
        assert ours(step)[1] == pytest.approx(float(sparsity), abs=1e-6), step


@pytest.mark.parametrize(
    "arguments",
    [
        {"target_sparsity": 0.5, "begin_step": 0},
        {"target_sparsity": 0.25, "begin_step": 3, "frequency": 1},
        {"target_sparsity": 0.9, "begin_step": 2, "end_step": 11, "frequency": 3},
        {"target_sparsity": 0.0, "begin_step": 5, "end_step": 5, "frequency": 10},
        {"target_sparsity": 0.9, "begin_step": 2, "end_step": 12, "frequency": 3},
    ],
)
def test_constant_sparsity_is_tfmots(tfmot, arguments):
    steps = [*range(15), 100, 200]
    same_as_tfmot(ConstantSparsity(**arguments), tfmot.ConstantSparsity(**arguments), steps)


@pytest.mark.parametrize(
    ("begin", "end", "frequency", "power"),
    [(0, 10, 1, 3), (2, 12, 5, 1), (3, 10, 4, 2), (0, 7, 100, 3)],
)
@pytest.mark.parametrize(("initial", "final"), [(0.0, 0.9), (0.5, 0.5), (0.8, 0.2)])
def test_polynomial_decay_is_tfmots(tfmot, begin, end, frequency, power, initial, final):
    arguments = (initial, final, begin, end, power, frequency)
    same_as_tfmot(PolynomialDecay(*arguments), tfmot.PolynomialDecay(*arguments), range(end + 4))


def test_arguments_have_the_order_and_defaults_of_tfmot(tfmot):
    ours = ConstantSparsity(0.5, 7).get_config()
    assert ours == tfmot.ConstantSparsity(0.5, 7).get_config()["config"]
    ours = PolynomialDecay(0.1, 0.5, 7, 9).get_config()
    assert ours == tfmot.PolynomialDecay(0.1, 0.5, 7, 9).get_config()["config"]


def test_polynomial_decay_is_exact_at_its_ends():
    for initial, final in itertools.product([0.0, 0.1, 0.7, 0.9], repeat=2):
        schedule = PolynomialDecay(initial, final, begin_step=3, end_step=10, frequency=7)
        assert schedule(3) == (True, initial)
        assert schedule(10) == (True, final)


@pytest.mark.parametrize(
    ("begin", "end", "frequency", "due"),
    [
        (0, 10, 5, [0, 5, 10]),
        (0, 10, 4, [0, 4, 8, 10]),
        (3, 10, 100, [3, 10]),
        (3, 4, 1, [3, 4]),
        (2, 8, 5, [2, 7, 8]),
    ],
)
def test_the_last_update_is_at_the_end_whatever_the_frequency(begin, end, frequency, due):
    for schedule in (
        PolynomialDecay(0.0, 0.9, begin, end, frequency=frequency),
        ConstantSparsity(0.9, begin, end, frequency),
    ):
        assert [step for step in range(3 * end) if schedule(step)[0]] == due
        assert schedule(end) == (True, 0.9)
        for step in range(3 * end):
            assert schedule.last_update(step) == max((d for d in due if d <= step), default=None)


def test_an_end_at_step_0_leaves_one_update():
    schedule = ConstantSparsity(0.5, 0, end_step=0)
    assert schedule.last_update(0) == schedule.last_update(500) == 0
    assert [step for step in range(501) if schedule(step)[0]] == [0]


@pytest.mark.parametrize("kind", ["PolynomialDecay", "ConstantSparsity"])
def test_the_twins_of_tfmots_schedules_keep_its_steps(tfmot, kind):
    arguments = {
        "PolynomialDecay": (0.0, 0.9, 2, 12, 3, 4),
        "ConstantSparsity": (0.9, 2, 12, 4),
    }[kind]
    theirs = getattr(tfmot, kind)(*arguments)
    twin = without_tensorflow(theirs)
    assert type(twin).__name__ == kind and twin != getattr(schedules, kind)(*arguments)
    for step in range(20):
        should_prune, sparsity = theirs(step)
        assert twin(step)[0] == bool(should_prune) == (step in (2, 6, 10))
        assert twin(step)[1] == pytest.approx(float(sparsity), abs=1e-6)
        assert twin.last_update(step) == max((d for d in (2, 6, 10) if d <= step), default=None)


def test_schedules_that_are_not_tfmots_are_left_as_they_are():
    for schedule in (ConstantSparsity(0.5, 0), lambda step: (True, 0.5)):
        assert without_tensorflow(schedule) is schedule


def test_polynomial_decay_by_hand():
    schedule = PolynomialDecay(0.2, 0.8, begin_step=10, end_step=20, power=2, frequency=5)
    assert [step for step in range(40) if schedule(step)[0]] == [10, 15, 20]
    assert schedule(15)[1] == pytest.approx(0.8 - 0.6 * 0.5**2)
    assert schedule(0)[1] == pytest.approx(0.2) and schedule(40)[1] == pytest.approx(0.8)


@pytest.mark.parametrize(
    "schedule",
    [
        ConstantSparsity(0.5, 1, 9, 2),
        PolynomialDecay(0.1, 0.7, 2, 12, 2, 5),
        Ramp(0.1, 2, 12, "cubic"),
        Ramp(0.1, 3, shape="constant"),
    ],
)
def test_configurations_round_trip(schedule):
    again = type(schedule).from_config(schedule.get_config())
    assert again.get_config() == schedule.get_config()
    assert [again(step) for step in range(15)] == [schedule(step) for step in range(15)]


def test_equal_arguments_make_equal_schedules():
    assert ConstantSparsity(0.5, 1) == ConstantSparsity(0.5, 1)
    assert hash(ConstantSparsity(0.5, 1)) == hash(ConstantSparsity(0.5, 1))
    assert ConstantSparsity(0.5, 1) != ConstantSparsity(0.5, 2)
    assert "target_sparsity=0.5" in repr(ConstantSparsity(0.5, 1))


def smoothed(weight, begin, end, steps):
    """The recursion of the 2019 Transformer, one step after the other."""
    value, values = 0.0, []
    for step in range(steps):
        done = min(max((step - begin) / (end - begin), 0.0), 1.0)
        value = 0.9 * value + 0.1 * weight * (1 - (1 - done) ** 3)
        values.append(value)
    return values


RAMPS = {
    "constant": lambda p: float(p >= 0),
    "linear": lambda p: min(max(p, 0), 1),
    "cubic": lambda p: 1 - (1 - min(max(p, 0), 1)) ** 3,
}


@pytest.mark.parametrize("shape", RAMPS)
@pytest.mark.parametrize(("begin", "end"), [(0, 10), (4, 20)])
def test_ramps_at_begin_middle_and_end(shape, begin, end):
    ramp = Ramp(0.3, begin, end, shape)
    for step in (0, begin - 1, begin, begin + 1, (begin + end) // 2, end - 1, end, end + 1, 10**6):
        if step >= 0:
            expected = 0.3 * RAMPS[shape]((step - begin) / (end - begin))
            assert ramp(step) == pytest.approx(expected, abs=1e-15), step
            assert isinstance(ramp(step), float)
    assert ramp(end) == 0.3


@pytest.mark.parametrize(("begin", "end"), [(0, 10), (50, 300), (700, 705)])
def test_the_smoothed_ramp_is_the_recursion(begin, end):
    ramp = Ramp(2.0, begin, end, "smoothed_cubic")
    for step, value in enumerate(smoothed(2.0, begin, end, 1200)):
        assert ramp(step) == pytest.approx(value, abs=1e-9)


def test_a_constant_ramp_needs_no_end():
    ramp = Ramp(0.5, begin_step=3, shape="constant")
    assert [ramp(step) for step in range(6)] == [0, 0, 0, 0.5, 0.5, 0.5]


@pytest.mark.parametrize(
    ("make", "argument"),
    [
        *((lambda v=v: ConstantSparsity(v, 0), "target_sparsity") for v in (1.0, -0.1, 90, "0.5")),
        *((lambda v=v: ConstantSparsity(v, 0), "target_sparsity") for v in (None, True, np.nan)),
        *((lambda v=v: ConstantSparsity(0.5, v), "begin_step") for v in (-1, 0.5, None, "0")),
        *((lambda v=v: ConstantSparsity(0.5, 0, v), "end_step") for v in (-2, 1.5, None)),
        (lambda: ConstantSparsity(0.5, 10, 5), "end_step"),
        *((lambda v=v: ConstantSparsity(0.5, 0, frequency=v), "frequency") for v in (0, -1, 2.5)),
        *((lambda v=v: PolynomialDecay(v, 0.5, 0, 9), "initial_sparsity") for v in (1, -1, "0")),
        *((lambda v=v: PolynomialDecay(0, v, 0, 9), "final_sparsity") for v in (1.0, 50, None)),
        *((lambda v=v: PolynomialDecay(0, 0.5, 5, v), "end_step") for v in (5, 4, -1, None)),
        *((lambda v=v: PolynomialDecay(0, 0.5, v, 9), "begin_step") for v in (-1, 1.5, None)),
        *((lambda v=v: PolynomialDecay(0, 0.5, 0, 9, v), "power") for v in (0, -1, "3", None)),
        *((lambda v=v: PolynomialDecay(0, 0.5, 0, 9, 3, v), "frequency") for v in (0, "1")),
        *((lambda v=v: Ramp(v, 0, 9), "weight") for v in (-1e-9, "1", None, np.inf, np.nan)),
        *((lambda v=v: Ramp(1.0, v, 9), "begin_step") for v in (-1, 0.5)),
        *((lambda v=v: Ramp(1.0, 5, v), "end_step") for v in (5, 4, None)),
        *((lambda v=v: Ramp(1.0, 0, 9, v), "shape") for v in ("step", None, 3)),
    ],
)
def test_a_bad_argument_is_named(make, argument):
    with pytest.raises(ValueError, match=f"`{argument}`.*Received"):
        make()


def test_numpy_numbers_are_numbers():
    schedule = PolynomialDecay(
        np.float32(0.0), np.float64(0.5), np.int64(2), np.int32(8), frequency=np.int64(3)
    )
    assert [step for step in range(12) if schedule(step)[0]] == [2, 5, 8]
    assert Ramp(np.float32(0.5), np.int64(0), np.int64(2))(1) == pytest.approx(0.25)


@pytest.mark.parametrize("schedule", [0.9, None, "PolynomialDecay", {"class_name": "Constant"}])
def test_a_schedule_must_be_callable(schedule):
    with pytest.raises(ValueError, match=r"`schedule` must be callable.*Received"):
        check_schedule(schedule)
