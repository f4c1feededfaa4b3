"""The trade-off between sparsity and a metric: the upper envelope of many runs."""

import itertools
from collections.abc import Iterable


def upper_envelope(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Returns the points that no other point beats in sparsity and metric at once.

    Args:
        points: pairs of sparsity, in [0, 1], and a metric of which more is better.

    Returns:
        The envelope by rising sparsity; the metric falls strictly.

    Example:

    >>> upper_envelope([(0.5, 0.9), (0.8, 0.7), (0.6, 0.6), (0.5, 0.8)])
    [(0.5, 0.9), (0.8, 0.7)]
    """
    envelope = []
    for sparsity, metric in sorted(points, reverse=True):
        if not envelope or metric > envelope[-1][1]:
            envelope.append((sparsity, metric))
    return envelope[::-1]


def interpolate(envelope: list[tuple[float, float]], sparsity: float) -> float | None:
    """Returns the metric of an envelope at one exact sparsity.

    Linear between the neighbouring points; nothing is extrapolated.

    Args:
        envelope: points by rising sparsity, as `upper_envelope` returns them.
        sparsity: where to read it, in [0, 1].

    Returns:
        The metric, or None outside the sparsities of the envelope.

    Example:

    >>> interpolate([(0.5, 0.9), (0.9, 0.7)], 0.75)
    0.775
    """
    for (left, high), (right, low) in itertools.pairwise(envelope):
        if left < sparsity < right:
            return high + (low - high) * (sparsity - left) / (right - left)
    return dict(envelope).get(sparsity)
