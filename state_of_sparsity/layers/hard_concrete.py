"""The gates of L0 regularization: samples of the hard concrete distribution."""

from typing import Any

from keras import ops

EPSILON = 1e-8


def sampled_gate(log_alpha: Any, uniform: Any, beta: float, gamma: float, zeta: float) -> Any:
    """Returns `clip(s (zeta - gamma) + gamma, 0, 1)`, in which alone `log_alpha` has a gradient.

    `s = sigmoid((log u - log(1 - u) + log_alpha) / beta)`. The gradient is stated, since automatic
    differentiation keeps and reads every intermediate array:
    `s (1 - s) (zeta - gamma) / beta` where nothing is clipped, else 0.

    Args:
        log_alpha: a float tensor.
        uniform: numbers u from [0, 1), of the same shape and type.
        beta: temperature, above 0.
        gamma: lower end of the stretched distribution, below 0.
        zeta: its upper end, above 1.

    Source: Louizos et al., "Learning Sparse Neural Networks through L0 Regularization", 2018,
    equations 10 and 11.
    """

    @ops.custom_gradient
    def gate(log_alpha, uniform):
        logistic = ops.log((uniform + EPSILON) / (1.0 - uniform))
        share = ops.sigmoid((logistic + log_alpha) / beta)
        stretched = stretch(share, gamma, zeta)
        clipped = ops.clip(stretched, 0.0, 1.0)

        def gradient(*args, upstream=None):
            upstream = args[0] if upstream is None else upstream
            slope = upstream * (share * (1.0 - share) * ((zeta - gamma) / beta))
            inside = ops.equal(clipped, stretched)
            return ops.where(inside, slope, 0), ops.zeros_like(slope)

        return clipped, gradient

    return gate(log_alpha, uniform)


def stretch(share: Any, gamma: float, zeta: float) -> Any:
    """Returns shares in [0, 1] as values in [gamma, zeta]."""
    return share * (zeta - gamma) + gamma
