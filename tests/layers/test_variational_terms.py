"""The formulas of variational dropout, and their gradients, against numpy in double precision."""

import math

import keras
import numpy as np
import pytest
from keras import ops

from state_of_sparsity.layers.variational_terms import (
    EPSILON,
    K1,
    K2,
    K3,
    clipped_variance,
    kl_divergence,
)

RANDOM = np.random.default_rng(0)
# Means of all sizes, zero among them, and noise from far below to far above them.
THETA = (RANDOM.normal(size=600) * 10.0 ** RANDOM.uniform(-6, 1, 600)).astype("float32")
THETA[:3] = 0.0
LOG_SIGMA2 = (np.log(THETA**2.0 + EPSILON) + RANDOM.uniform(-12, 12, 600)).astype("float32")
WEIGHTS = RANDOM.normal(size=600).astype("float32")


def numpy_variance(theta, log_sigma2, limit):
    theta2 = theta**2 + EPSILON
    return np.clip(np.exp(log_sigma2), theta2 * math.exp(-limit), theta2 * math.exp(limit))


def numpy_divergence(theta, log_sigma2, limit):
    log_alpha = np.clip(log_sigma2 - np.log(theta**2 + EPSILON), -limit, limit)
    sigmoid = 1 / (1 + np.exp(-(K2 + K3 * log_alpha)))
    return K1 - K1 * sigmoid + 0.5 * np.log1p(np.exp(-log_alpha))


def numpy_slopes(function, limit):
    """Returns the derivatives by both arguments, number by number, by central differences."""
    theta, log_sigma2 = np.float64(THETA), np.float64(LOG_SIGMA2)
    step = 1e-6 * np.maximum(np.abs(theta), 1e-4)
    by_theta = function(theta + step, log_sigma2, limit) - function(theta - step, log_sigma2, limit)
    by_noise = function(theta, log_sigma2 + 1e-6, limit) - function(theta, log_sigma2 - 1e-6, limit)
    return by_theta / (2 * step), by_noise / 2e-6


def gradients(function):
    """Returns the gradients of a scalar function of (theta, log_sigma2) on any backend."""
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        return [np.asarray(g) for g in jax.grad(function, (0, 1))(THETA, LOG_SIGMA2)]
    if backend == "torch":
        import torch

        inputs = [torch.tensor(each, requires_grad=True) for each in (THETA, LOG_SIGMA2)]
        found = torch.autograd.grad(function(*inputs), inputs, allow_unused=True)
        return [np.zeros_like(THETA) if g is None else g.numpy() for g in found]
    import tensorflow as tf

    inputs = [tf.constant(THETA), tf.constant(LOG_SIGMA2)]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        result = function(*inputs)
    return [g.numpy() for g in tape.gradient(result, inputs, unconnected_gradients="zero")]


def away_from_clipping(limit):
    """Returns where neither side of a central difference is clipped and the other is not."""
    log_alpha = np.float64(LOG_SIGMA2) - np.log(np.float64(THETA) ** 2 + EPSILON)
    return np.abs(np.abs(log_alpha) - limit) > 1e-3


@pytest.mark.parametrize("limit", [8.0, 2.0, math.inf])
def test_the_variance_and_its_gradient(limit):
    found = ops.convert_to_numpy(clipped_variance(THETA, LOG_SIGMA2, limit))
    expected = numpy_variance(np.float64(THETA), np.float64(LOG_SIGMA2), limit)
    np.testing.assert_allclose(found, expected, rtol=2e-5)
    weighted = lambda *both: ops.sum(WEIGHTS * clipped_variance(*both, limit))  # noqa: E731
    for found, slope in zip(gradients(weighted), numpy_slopes(numpy_variance, limit), strict=True):
        here = away_from_clipping(limit)
        expected = WEIGHTS * slope
        atol = 1e-6 * np.abs(expected).max()
        np.testing.assert_allclose(found[here], expected[here], rtol=1e-3, atol=atol)


@pytest.mark.parametrize("limit", [8.0, 2.0, math.inf])
def test_the_divergence_and_its_gradient(limit):
    expected = numpy_divergence(np.float64(THETA), np.float64(LOG_SIGMA2), limit).sum()
    found = ops.convert_to_numpy(kl_divergence(THETA, LOG_SIGMA2, limit))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    tripled = lambda *both: 3.0 * kl_divergence(*both, limit)  # noqa: E731
    for found, slope in zip(gradients(tripled), numpy_slopes(numpy_divergence, limit), strict=True):
        here = away_from_clipping(limit)
        np.testing.assert_allclose(found[here], 3 * slope[here], rtol=2e-3, atol=1e-4)
