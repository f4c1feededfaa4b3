"""Movement pruning against its formula, step by step in numpy."""

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from tests.layers.linear_regression import RATE, gradient_of, regression, step, stored

# Dense in the first step, from which scores are known.
LATER = sos.schedules.ConstantSparsity(7 / 15, begin_step=1, frequency=1)


def test_five_steps_of_the_published_update():
    model, wrapper = regression(lambda layer: sos.MovementPruning(layer, LATER))
    weights, scores, mask = stored(wrapper), np.zeros((5, 3)), np.ones((5, 3), bool)
    for number in range(5):
        if number:
            mask = np.ones(15, bool)
            mask[np.argsort(scores.reshape(-1))[:7]] = False
            mask = mask.reshape(5, 3)
        step(model, number)
        np.testing.assert_array_equal(wrapper.present(wrapper.sparse_kernels[0]), mask)
        gradient = gradient_of(weights * mask)
        scores -= RATE * gradient * weights
        weights -= RATE * gradient * mask
        found = wrapper.beside["kernel"]["score"].numpy()
        np.testing.assert_allclose(found, scores, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(stored(wrapper), weights, rtol=1e-4, atol=1e-6)


def test_scores_that_were_never_trained_are_no_scores():
    now = sos.schedules.ConstantSparsity(0.5, begin_step=0)
    model, _ = regression(lambda layer: sos.MovementPruning(layer, now))
    with pytest.raises(ValueError, match="no score of its kernel 'kernel' has been trained"):
        sos.UpdateSparsity().update(model, 0)


def test_the_optimizer_trains_scores_as_it_does_weights():
    adam = keras.optimizers.Adam(0.01, epsilon=1e-12)
    model, wrapper = regression(lambda layer: sos.MovementPruning(layer, LATER), adam)
    step(model)
    found = wrapper.beside["kernel"]["score"].numpy()
    np.testing.assert_allclose(np.abs(found), 0.01, rtol=1e-3)
