"""The warnings that no gate can shut in a run, or that none did."""

import warnings

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from state_of_sparsity.layers.gate_travel import (
    warn_if_no_gate_can_shut,
    warn_if_no_gate_is_shut,
)
from state_of_sparsity.optimizers.adam_with_multipliers import AdamWithMultipliers

X = np.random.default_rng(0).normal(size=(10, 6)).astype("float32")
Y = np.random.default_rng(1).normal(size=(10, 4)).astype("float32")
Adam, AdamW, SGD = keras.optimizers.Adam, keras.optimizers.AdamW, keras.optimizers.SGD
Decay, Ramp = keras.optimizers.schedules.ExponentialDecay, sos.schedules.Ramp


class OwnAdam(Adam):
    """May take steps of any size."""


def said(optimizer, l0_weight=0.1, *, trainable=True, **options):
    """Trains for 20 steps and returns the warnings before and after."""
    keras.utils.set_random_seed(0)
    gated = keras.layers.Dense(4, name="gated", trainable=trainable)
    model = keras.Sequential([keras.Input((6,)), gated, keras.layers.Dense(4, name="dense")])
    rule = lambda layer: sos.L0Regularization(layer, l0_weight, seed=0, **options)  # noqa: E731
    model = sos.sparsify(model, [("gated", rule), ("", None)])
    model.compile(optimizer, "mse")
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        model.fit(X, Y, 1, epochs=2, verbose=0, callbacks=[sos.UpdateSparsity()])
    messages = [str(each.message) for each in found if "No gate" in str(each.message)]
    before = [message for message in messages if "can shut" in message]
    return before, [message for message in messages if message not in before]


@pytest.mark.parametrize(
    ("optimizer", "options", "move", "speed"),
    [
        (lambda: "adam", {}, "0.016", "16"),
        (lambda: Adam(0.02), {"gate_speed": 1}, "0.02", "1"),
        pytest.param(
            lambda: keras.optimizers.RMSprop(0.002), {}, "0.032", "16", marks=pytest.mark.slow
        ),
        pytest.param(
            lambda: AdamW(Decay(0.001, 20, 1e-9)), {}, "0.0012", "16", marks=pytest.mark.slow
        ),
        pytest.param(
            lambda: AdamWithMultipliers(0.001, multipliers={"log_alpha": 2.0}),
            {},
            "0.032",
            "16",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            lambda: keras.optimizers.LossScaleOptimizer(Adam()),
            {},
            "0.016",
            "16",
            marks=pytest.mark.slow,
        ),
        (lambda: "adam", {"group": "unit"}, "0.016", "16"),
        pytest.param(
            lambda: "adam", {"l0_weight": Ramp(0.1, 2, 6)}, "0.016", "16", marks=pytest.mark.slow
        ),
    ],
)
def test_a_run_that_is_too_short(optimizer, options, move, speed):
    before, after = said(optimizer(), **options)
    assert len(before) == len(after) == 1
    for figure in ("20 steps", "4.", f"{move} a step", f"`gate_speed` of the layers (now {speed})"):
        assert figure in before[0]
    assert "`l0_weight`" in after[0]


@pytest.mark.parametrize(
    "optimizer",
    [lambda: SGD(1e-4), lambda: OwnAdam(1e-4), lambda: keras.optimizers.Adagrad(1e-4)],
)
def test_where_it_cannot_be_told_only_the_outcome_is_said(optimizer):
    before, after = said(optimizer())
    assert not before and len(after) == 1


def test_a_run_of_no_steps_is_not_too_short():
    wrapper = sos.L0Regularization(keras.layers.Dense(4), 0.1)
    wrapper.build((None, 6))
    warn_if_no_gate_can_shut([wrapper], Adam(), 5, 5)  # warnings are errors here


def gates_at(log_alpha):
    """Returns a layer whose gates shut at a log alpha of exactly 0."""
    wrapper = sos.L0Regularization(
        keras.layers.Dense(4), 0.1, gate_speed=1, gamma=-1.1, zeta=1.1, seed=0
    )
    wrapper.build((None, 6))
    (variable,) = wrapper.kernel_state.values()
    variable.assign(np.full(variable.shape, log_alpha))
    return wrapper


def test_a_gate_on_the_boundary_is_shut():
    warn_if_no_gate_is_shut([gates_at(0.0)])  # warnings are errors here
    with pytest.warns(UserWarning, match="No gate of sos.L0Regularization is shut"):
        warn_if_no_gate_is_shut([gates_at(1e-6)])


def test_a_run_that_just_reaches_the_boundary_is_long_enough():
    warn_if_no_gate_can_shut([gates_at(4.0)], Adam(0.25), 5, 13)  # warnings are errors here
    with pytest.warns(UserWarning, match="in this run of 7 steps"):
        warn_if_no_gate_can_shut([gates_at(4.0)], Adam(0.25), 5, 12)


def test_the_learning_rate_after_the_last_step_moves_nothing():
    rate = keras.optimizers.schedules.PiecewiseConstantDecay([12], [0.25, 100.0])
    with pytest.warns(UserWarning, match=r"by about 0\.25 a step"):
        warn_if_no_gate_can_shut([gates_at(5.0)], Adam(rate), 5, 13)


def test_a_run_that_is_long_enough():
    assert said(Adam(0.03), l0_weight=10.0) == ([], [])


@pytest.mark.parametrize(
    "options",
    [
        {"l0_weight": 0.0},
        {"l0_weight": Ramp(0.0, 2, 6)},
        {"initial_keep": 0.05},  # shut from the start
        {"trainable": False},
    ],
)
@pytest.mark.filterwarnings("ignore:Frozen layers are sparse")
def test_nothing_is_said_where_gates_are_shut_or_not_meant_to_shut(options):
    assert said("adam", **options) == ([], [])


def test_other_techniques_have_no_gates():
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(4)])
    model = sos.sparsify(model, lambda layer: sos.VariationalDropout(layer, 0.1))
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0, callbacks=[sos.UpdateSparsity()])  # warnings are errors here
