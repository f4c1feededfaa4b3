"""Exact masks from scores, in numpy: which weights stay when so many must go."""

import math

import numpy as np

_LEAST_SAMPLE = 1024
_LONGEST_DISTANCE = 193  # between what a sample takes; odd: across channels
_MOST_NEAR = 0.1  # of all: what may be partitioned by itself


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
    mask = _by_sample(flat, zeros)
    if mask is None:
        mask = _by_partition(flat, zeros)
    return mask.reshape(scores.shape)


def _by_sample(values, zeros):
    """Returns the mask by a sample, None where it does not serve.

    The sample says about where the threshold is. How many values are above that place is counted,
    and only those from it to where so many fewer, or more, should be are partitioned (after Floyd
    and Rivest, "Expected time bounds for selection", 1975): most of the time goes into comparing,
    which processors do many at a time.
    """
    if values.size < 4 * _LEAST_SAMPLE:
        return None
    distance = min(_LONGEST_DISTANCE, values.size // _LEAST_SAMPLE | 1)
    sample = np.sort(values[::distance])
    place = zeros * sample.size // values.size
    mask = values > sample[place]
    too_many = int(np.count_nonzero(mask)) - (values.size - zeros)
    away = abs(too_many) / distance  # in the sample; and four standard deviations, and four places
    away = math.ceil(away + 4 * math.sqrt(away) + 4)
    if too_many > 0:
        end = place + away
        near = mask if end >= sample.size else mask ^ (values > sample[end])
    else:
        end = place - away
        near = ~mask if end < 0 else mask ^ (values >= sample[end])
    count = int(np.count_nonzero(near))
    to_drop = too_many if too_many > 0 else count + too_many
    if not 0 <= to_drop <= count <= _MOST_NEAR * values.size:
        return None
    places = np.flatnonzero(near)
    mask[places] = _by_partition(values[places], to_drop)
    return mask


def _by_partition(values, zeros):
    """Returns the mask by a partition of all values."""
    if zeros == 0:
        return np.ones(values.shape, bool)
    threshold = np.partition(values, zeros - 1)[zeros - 1]
    mask = values > threshold
    surplus = values.size - zeros - np.count_nonzero(mask)
    if surplus:  # values that equal the threshold and have to stay
        mask[np.flatnonzero(values == threshold)[-surplus:]] = True
    return mask
