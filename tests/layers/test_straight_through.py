"""The straight-through estimator against its formula, step by step in numpy."""

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from tests.layers.linear_regression import (
    HALF,
    RATE,
    gradient_of,
    loss_of,
    regression,
    smallest,
    step,
    stored,
)


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_five_steps_of_the_published_update(decay):
    model, wrapper = regression(lambda layer: sos.StraightThrough(layer, HALF, decay))
    weights = stored(wrapper)
    for number in range(5):
        mask = smallest(weights, 7)
        loss = step(model, number)
        np.testing.assert_array_equal(wrapper.present(wrapper.sparse_kernels[0]), mask)
        np.testing.assert_allclose(loss, loss_of(weights * mask), rtol=1e-5)  # no decay in it
        weights -= RATE * (gradient_of(weights * mask) + decay * ~mask * weights)
        np.testing.assert_allclose(stored(wrapper), weights, rtol=1e-4, atol=1e-6)


def test_a_layer_called_twice_decays_once():
    inputs = keras.Input((3,))
    shared = keras.layers.Dense(3, use_bias=False, name="shared")
    model = sos.sparsify(
        keras.Model(inputs, shared(shared(inputs))),
        lambda layer: sos.StraightThrough(layer, HALF, 0.3),
    )
    model.compile(keras.optimizers.SGD(1.0), lambda y, out: 0.0 * keras.ops.sum(out))
    before = shared.kernel.numpy()
    sos.UpdateSparsity().update(model, 0)
    mask = sos.masks(model)["shared/kernel"]
    model.train_on_batch(np.ones((2, 3)), np.ones((2, 3)))
    np.testing.assert_allclose(shared.kernel.numpy(), np.where(mask, before, 0.7 * before), 1e-6)


def test_another_wrapper_around_the_layer_decays_nothing():
    _, wrapper = regression(lambda layer: sos.StraightThrough(layer, HALF, 0.3))
    assert wrapper.losses
    again = sos.FixedMask(wrapper.layer, np.ones((5, 3)))
    assert not again.losses and wrapper.layer.kernel.regularizer is None


@pytest.mark.parametrize("decay", [-0.1, "much", True])
def test_bad_decay(decay):
    with pytest.raises(ValueError, match="`decay` must be"):
        sos.StraightThrough(keras.layers.Dense(3), HALF, decay)
