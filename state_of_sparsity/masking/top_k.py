"""Exact masks from scores, in numpy: which weights stay when so many must go."""

import math

import numpy as np

_SAMPLE = 8192


def zero_count(sparsity: float, size: int) -> int:
    """Returns how many of `size` weights are zero at `sparsity`: `round(sparsity * size)`."""
    return round(sparsity * size)


def keep_largest(scores: np.ndarray, zeros: int) -> np.ndarray:
    """Returns a mask that drops exactly the `zeros` smallest scores.

    Of equal scores the ones that come first in memory are dropped, so that the count is exact and
    the same everywhere. Takes linear time.

    Args:
        scores: an array of any shape, free of NaN.
        zeros: how many to drop, in [0, scores.size].

    Returns:
        A boolean array of the shape of `scores`, true where a weight stays.

    Example:

    >>> keep_largest(np.array([3.0, 1.0, 2.0, 1.0]), zeros=2)
    array([ True, False,  True, False])
    """
    if zeros <= 0:
        return np.ones(scores.shape, bool)
    if zeros >= scores.size:
        return np.zeros(scores.shape, bool)
    flat = _as_integers(scores.reshape(-1))
    threshold = order_statistic(flat, zeros - 1)
    mask = flat > threshold
    surplus = flat.size - zeros - np.count_nonzero(mask)
    if surplus:  # scores that equal the threshold and have to stay
        mask[np.flatnonzero(flat == threshold)[-surplus:]] = True
    return mask.reshape(scores.shape)


def order_statistic(values: np.ndarray, rank: int) -> np.number:
    """Returns the number that `np.sort(values)[rank]` would be, of a flat array free of NaN.

    A sample says between which two numbers it lies, and only those between are partitioned (Floyd
    and Rivest, "Expected time bounds for selection", 1975): most of the time goes into comparing,
    which processors do many at a time. Where the sample misleads, all are partitioned.

    Example:

    >>> int(order_statistic(np.array([30, 10, 20]), rank=1))
    20
    """
    if values.size < 4 * _SAMPLE:
        return np.partition(values, rank)[rank]
    sample = np.sort(values[:: values.size // _SAMPLE | 1])  # an odd distance: across channels
    place, margin = rank * len(sample) / values.size, 2 * math.isqrt(len(sample))  # 4 deviations
    low, high = math.floor(place - margin), math.ceil(place + margin)
    near, below = np.ones(values.shape, bool), 0
    if low >= 0:
        np.greater_equal(values, sample[low], out=near)
        below = values.size - np.count_nonzero(near)
    if high < len(sample):
        near &= values <= sample[high]
    candidates, rank_there = values[near], rank - below
    if not 0 <= rank_there < len(candidates):
        return np.partition(values, rank)[rank]
    return np.partition(candidates, rank_there)[rank_there]


def _as_integers(scores):
    """Returns the bits of floats without a sign, which have the same order and compare faster."""
    if scores.dtype not in (np.float32, np.float64):
        return scores
    bits = scores.view(f"i{scores.itemsize}")
    return bits if bits.min() >= 0 else scores
