"""What variational dropout computes of means and noise, with gradients in closed form.

Automatic differentiation keeps every intermediate array, and reads and writes each again: with the
gradient stated, a step takes fewer passes over arrays as large as the kernels.
"""

import math
from typing import Any

from keras import ops

EPSILON = 1e-8
K1, K2, K3 = 0.63576, 1.87320, 1.48695
_LARGEST = 80.0  # e^88 is the largest float32: nothing beyond this is clipped


def clipped_variance(theta: Any, log_sigma2: Any, limit: float) -> Any:
    """Returns `sigma^2` with `log alpha` clipped to [-limit, limit].

    That is `clip(exp(log_sigma2) / theta2, 1 / c, c) theta2` with `theta2 = theta^2 + 1e-8` and
    `c = exp(limit)`.

    Args:
        theta: the means, a float tensor.
        log_sigma2: log sigma^2, of the same shape.
        limit: above 0; infinity to clip nothing.
    """
    if limit > _LARGEST:
        return ops.exp(log_sigma2)
    clip = math.exp(limit)

    @ops.custom_gradient
    def variance(theta, log_sigma2):
        theta2 = ops.square(theta) + EPSILON
        free = ops.exp(log_sigma2) / theta2
        alpha = ops.clip(free, 1 / clip, clip)
        clipped = alpha * theta2

        def gradient(*args, upstream=None):
            weighted = (args[0] if upstream is None else upstream) * clipped
            inside = ops.where(ops.equal(alpha, free), weighted, 0)
            # Outside it is theta2 times a constant.
            return (weighted - inside) * (2.0 * theta / theta2), inside

        return clipped, gradient

    return variance(*_as_tensors(theta, log_sigma2))


def kl_divergence(theta: Any, log_sigma2: Any, limit: float) -> Any:
    """Returns the approximate KL divergence from the log-uniform prior, a scalar.

    `sum(k1 - k1 sigmoid(k2 + k3 log alpha) + log(1 + 1/alpha) / 2)`, with `log alpha` clipped to
    [-limit, limit]; arguments as of `clipped_variance`.

    Source: Molchanov et al., 2017, equation 14.
    """

    @ops.custom_gradient
    def divergence(theta, log_sigma2):
        theta2 = ops.square(theta) + EPSILON
        free = log_sigma2 - ops.log(theta2)
        log_alpha = free if limit == math.inf else ops.clip(free, -limit, limit)
        # 1 - sigmoid(x) is sigmoid(-x), and log(1 + 1/alpha) is softplus(-log alpha).
        share = ops.sigmoid(-K3 * log_alpha - K2)
        if limit > _LARGEST:
            value = 0.5 * ops.sum(ops.softplus(-log_alpha))
        else:  # the same, three times as fast on TensorFlow
            value = -0.5 * ops.sum(ops.log(ops.sigmoid(log_alpha)))
        value = value + K1 * ops.sum(share)

        def gradient(*args, upstream=None):
            upstream = args[0] if upstream is None else upstream
            first, second = upstream * (K1 * K3), upstream * 0.5  # numbers: no pass over arrays
            slope = share * (share * first - first) - ops.sigmoid(-log_alpha) * second
            slope = ops.where(ops.equal(free, log_alpha), slope, 0)
            return slope * (-2.0 * theta / theta2), slope

        return value, gradient

    return divergence(*_as_tensors(theta, log_sigma2))


def _as_tensors(*values):
    """Returns tensors: outside graphs Keras leaves TensorFlow's variables as they are."""
    return [ops.reshape(value, value.shape) for value in values]
