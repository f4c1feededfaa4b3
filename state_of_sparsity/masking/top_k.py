"""Exact masks from scores, in numpy: which weights stay when so many must go."""

import math
from typing import Any

import numpy as np

_LEAST_SAMPLE = 1024
LONGEST_DISTANCE = 65  # between what a sample takes; odd: across channels
CHUNK = 1 << 17  # what fits into a processor's cache


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
    flat = scores.reshape(-1)
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
    if values.size < 4 * _LEAST_SAMPLE:
        return np.partition(values, rank)[rank]
    distance = min(LONGEST_DISTANCE, values.size // _LEAST_SAMPLE | 1)
    below, candidates = between(values, *bounds(values[::distance], rank / values.size))
    rank_there = rank - below
    if not 0 <= rank_there < len(candidates):
        return np.partition(values, rank)[rank]
    return np.partition(candidates, rank_there)[rank_there]


def bounds(sample: np.ndarray, share: float) -> tuple[np.number | None, np.number | None]:
    """Returns between which two numbers the one lies, most likely, that a share of all is below.

    Each is None where the sample has none so small or so large. They are four standard deviations
    away, and four places more.
    """
    sample = np.sort(sample)
    place = share * len(sample)
    margin = 4 * math.sqrt(share * (1 - share) * len(sample)) + 4
    low, high = math.floor(place - margin), math.ceil(place + margin)
    return (
        sample[low] if low >= 0 else None,
        sample[high] if high < len(sample) else None,
    )


def between(values: np.ndarray, low: Any, high: Any) -> tuple[int, np.ndarray]:
    """Returns how many values are below `low`, and those from it up to `high`; None: no bound."""
    below, found = 0, []
    for start in range(0, values.size, CHUNK):
        chunk = values[start : start + CHUNK]
        near = np.ones(chunk.shape, bool) if low is None else chunk >= low
        below += chunk.size - int(np.count_nonzero(near))
        if high is not None:
            near &= chunk <= high
        found.append(np.compress(near, chunk))
    return below, np.concatenate(found) if found else values[:0]
