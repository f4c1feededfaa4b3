"""Soft thresholds against their formula, step by step in numpy."""

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from tests.layers.linear_regression import (
    RATE,
    X,
    Y,
    gradient_of,
    loss_of,
    regression,
    step,
    stored,
)

LOGIT = -0.6


def regression_with_a_threshold(decay, logit=LOGIT):
    return regression(lambda layer: sos.SoftThreshold(layer, decay, logit))


def logit_of(wrapper):
    return float(wrapper.beside["kernel"]["threshold_logit"].numpy())


def test_five_steps_of_the_published_update():
    decay = 0.05
    model, wrapper = regression_with_a_threshold(decay)
    weights, logit = stored(wrapper), LOGIT
    absent = []
    for _ in range(5):
        threshold = 1 / (1 + np.exp(-logit))
        present = np.abs(weights) > threshold
        effective = np.where(present, weights - np.sign(weights) * threshold, 0.0)
        np.testing.assert_array_equal(wrapper.present(wrapper.sparse_kernels[0]), present)
        loss = model.evaluate(X, np.zeros((8, 3)), verbose=0)
        expected = np.mean((X @ effective) ** 2) + decay * logit**2 / 2
        np.testing.assert_allclose(loss, expected, rtol=1e-4)
        gradient = gradient_of(effective) * present
        loss = model.train_on_batch(X, Y)
        np.testing.assert_allclose(loss, loss_of(effective) + decay * logit**2 / 2, rtol=1e-4)
        slope = threshold * (1 - threshold)
        logit -= RATE * (decay * logit - np.sum(gradient * np.sign(weights)) * slope)
        weights -= RATE * gradient
        np.testing.assert_allclose(stored(wrapper), weights, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(logit_of(wrapper), logit, rtol=1e-4)
        absent.append((~present).sum())
    assert 0 < min(absent) < 15


def test_the_decay_may_follow_a_ramp():
    ramp = sos.schedules.Ramp(0.5, begin_step=0, end_step=2)
    model, wrapper = regression_with_a_threshold(ramp)
    losses = [step(model, number) for number in range(3)]
    assert float(wrapper.current_weight.numpy()) == 0.5
    assert losses[2] > 0.25 * logit_of(wrapper) ** 2


def test_written_zeros_leave_predictions_and_are_not_shrunk_again():
    model, wrapper = regression_with_a_threshold(0.0)
    before = model.predict(X, verbose=0)
    sos.write_zeros(model)
    np.testing.assert_allclose(model.predict(X, verbose=0), before, rtol=1e-6)
    np.testing.assert_array_equal(wrapper.present(wrapper.sparse_kernels[0]), stored(wrapper) != 0)


def test_it_draws_no_noise():
    _, wrapper = regression_with_a_threshold(0.0)
    assert not any("seed" in variable.name for variable in wrapper.variables)
    assert "seed" not in wrapper.get_config()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"threshold_decay": -1.0}, "`threshold_decay` must be a number of at least 0"),
        ({"threshold_decay": 0.1, "initial_logit": "low"}, "`initial_logit` must be"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        sos.SoftThreshold(keras.layers.Dense(3), **arguments)
