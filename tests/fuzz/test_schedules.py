"""Schedules of any legal arguments against TF-MOT and slow formulas; illegal ones are refused."""

import json

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from state_of_sparsity.schedules import ConstantSparsity, PolynomialDecay, Ramp
from state_of_sparsity.schedules.tfmot_schedules import pruning_schedules
from state_of_sparsity.schedules.tfmot_twins import without_tensorflow
from tests import reference

SPARSITIES = st.floats(0, 1, exclude_max=True) | st.sampled_from([0.0, 0.5, 0.9, 1 - 2**-53])
STEPS = st.integers(0, 50) | st.integers(0, 10**6)
POWERS = st.integers(1, 5) | st.floats(0.1, 10)


@st.composite
def periods(draw, endless=False):
    begin = draw(STEPS)
    end = -1 if endless and draw(st.booleans()) else begin + draw(st.integers(1, 10**6))
    return {"begin_step": begin, "end_step": end, "frequency": draw(st.integers(1, 300))}


@st.composite
def decays(draw, powers=POWERS):
    ends = {"initial_sparsity": draw(SPARSITIES), "final_sparsity": draw(SPARSITIES)}
    return {**ends, **draw(periods()), "power": draw(powers)}


def constants():
    return st.builds(
        lambda sparsity, period: {"target_sparsity": sparsity, **period},
        SPARSITIES,
        periods(endless=True),
    )


@st.composite
def interesting_steps(draw, arguments):
    """Steps at, and next to, where something changes, and anywhere."""
    begin, end = arguments["begin_step"], arguments["end_step"]
    frequency = arguments.get("frequency", 1)
    multiple = begin + frequency * draw(st.integers(0, 50))
    around = [begin, multiple, end, max(end, begin) + frequency]
    near = [step + shift for step in around for shift in (-1, 0, 1)]
    return [step for step in (*near, draw(STEPS)) if step >= 0]


def expected_to_prune(step, begin_step, end_step, frequency):
    """As documented: at `begin_step`, every `frequency` steps from there, and at `end_step`."""
    last = end_step if end_step >= 0 else step
    return step in range(begin_step, last + 1, frequency) or step == end_step


def period_of(arguments):
    return {name: arguments[name] for name in ("begin_step", "end_step", "frequency")}


@given(arguments=decays(), data=st.data())
def test_polynomial_decay_is_the_formula(arguments, data):
    schedule = PolynomialDecay(**arguments)
    initial, final = arguments["initial_sparsity"], arguments["final_sparsity"]
    before = None
    for step in sorted(data.draw(interesting_steps(arguments))):
        should_prune, sparsity = schedule(step)
        assert should_prune == expected_to_prune(step, **period_of(arguments))
        exact = reference.polynomial_sparsity(
            step, initial, final, arguments["begin_step"], arguments["end_step"], arguments["power"]
        )
        assert sparsity == pytest.approx(exact, abs=1e-12)
        assert min(initial, final) - 1e-15 <= sparsity <= max(initial, final) + 1e-15
        assert 0 <= sparsity < 1
        if before is not None:  # from one end to the other, never back
            assert (sparsity - before) * (final - initial) >= -1e-15
        before = sparsity
    assert schedule.sparsity(arguments["begin_step"]) == initial
    assert schedule.sparsity(arguments["end_step"]) == final


@given(arguments=constants(), data=st.data())
def test_constant_sparsity_is_constant(arguments, data):
    schedule = ConstantSparsity(**arguments)
    for step in data.draw(interesting_steps(arguments)):
        expected = expected_to_prune(step, **period_of(arguments)), arguments["target_sparsity"]
        assert schedule(step) == expected


@given(
    kind=st.sampled_from(["PolynomialDecay", "ConstantSparsity"]),
    decay=decays(powers=st.integers(1, 5)),
    constant=constants(),
    data=st.data(),
)
def test_both_are_tfmots(kind, decay, constant, data):
    arguments = decay if kind == "PolynomialDecay" else constant
    ours = {"PolynomialDecay": PolynomialDecay, "ConstantSparsity": ConstantSparsity}[kind]
    theirs = getattr(pruning_schedules(), kind)(**arguments)
    for step in data.draw(interesting_steps(arguments))[::3]:
        (should_prune, sparsity), (expected, value) = ours(**arguments)(step), theirs(step)
        assert should_prune == (bool(expected) or step == arguments["end_step"])
        assert without_tensorflow(theirs)(step)[0] == bool(expected)
        assert sparsity == pytest.approx(float(value), abs=2e-6)  # theirs is float32


SHAPES = {
    "constant": lambda step, weight, begin, end: weight * (step >= begin),
    "linear": lambda step, weight, begin, end: (
        weight * min(max(step - begin, 0) / (end - begin), 1)
    ),
    "cubic": reference.cubic_ramp,
    "smoothed_cubic": reference.smoothed_cubic_ramp,
}


@given(
    shape=st.sampled_from(list(SHAPES)),
    weight=st.floats(0, 1e3),
    begin=st.integers(0, 500),
    length=st.integers(1, 500),
    data=st.data(),
)
def test_ramps_are_the_formulas(shape, weight, begin, length, data):
    ramp = Ramp(weight, begin, begin + length, shape)
    arguments = {"begin_step": begin, "end_step": begin + length}
    for step in data.draw(interesting_steps(arguments))[:-1]:
        expected = SHAPES[shape](step, weight, begin, begin + length)
        assert ramp(step) == pytest.approx(expected, rel=1e-9, abs=1e-12 * weight)
        assert type(ramp(step)) is float and 0 <= ramp(step) <= weight * (1 + 1e-12)


NUMBERS = {
    "int": st.integers(-3, 40),
    "numpy": st.builds(np.int64, st.integers(-3, 40)) | st.builds(np.float32, st.floats(-2, 2)),
    "float": st.floats(),
    "huge": st.sampled_from([10**400, -(10**400), 1e300, 2**63, 2**64]),
}
JUNK = st.one_of(
    *NUMBERS.values(),
    st.none(),
    st.booleans(),
    st.text(max_size=3),
    st.binary(max_size=3),
    st.complex_numbers(),
    st.lists(st.integers(), max_size=2),
    st.just(np.array([0.1, 0.5])),
    st.just(np.array(0.5)),
    st.just(float),
)
LEGAL = {
    PolynomialDecay: {"initial_sparsity": 0.1, "final_sparsity": 0.7, "begin_step": 2}
    | {"end_step": 12, "power": 3, "frequency": 5},
    ConstantSparsity: {"target_sparsity": 0.5, "begin_step": 1, "end_step": 9, "frequency": 2},
    Ramp: {"weight": 0.1, "begin_step": 2, "end_step": 12, "shape": "cubic"},
}


@given(kind=st.sampled_from(list(LEGAL)), data=st.data())
def test_whatever_is_given_is_refused_by_name_or_makes_a_schedule(kind, data):
    wrong = data.draw(st.dictionaries(st.sampled_from(list(LEGAL[kind])), JUNK, max_size=3))
    try:
        schedule = kind(**{**LEGAL[kind], **wrong})
    except (ValueError, TypeError) as error:
        assert any(f"`{name}`" in str(error) for name in wrong), error
        assert "Received" in str(error)
        return
    for step in (0, 1, 5, 12, 100):
        if kind is Ramp:
            assert 0 <= schedule(step) <= schedule.weight * (1 + 1e-12)
        else:
            should_prune, sparsity = schedule(step)
            assert bool(should_prune) in (True, False) and 0 <= sparsity < 1
    check_saved(schedule)


def check_saved(schedule):
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(schedule)))
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is type(schedule)
    for step in (0, 1, 5, 12):
        np.testing.assert_allclose(again(step), schedule(step), rtol=1e-6)


@given(arguments=decays())
def test_schedules_are_saved_exactly(arguments):
    schedule = PolynomialDecay(**arguments)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(schedule)))
    assert keras.saving.deserialize_keras_object(config) == schedule
