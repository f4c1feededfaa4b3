"""Exact masks from scores, in numpy: which weights stay when so many must go."""

import numpy as np


def zero_count(sparsity: float, size: int) -> int:
    """Returns how many of `size` weights are zero at `sparsity`: `round(sparsity * size)`."""
    return round(sparsity * size)


def keep_largest(scores: np.ndarray, zeros: int) -> np.ndarray:
    """Returns a mask that drops exactly the `zeros` smallest scores.

    Of equal scores the ones that come first in memory are dropped, so that the count is exact and
    the same everywhere. Takes linear time (a partition, no sort).

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
    threshold = np.partition(flat, zeros - 1)[zeros - 1]
    mask = flat > threshold
    surplus = flat.size - zeros - np.count_nonzero(mask)
    if surplus:  # scores that equal the threshold and have to stay
        mask[np.flatnonzero(flat == threshold)[-surplus:]] = True
    return mask.reshape(scores.shape)


def _as_integers(scores):
    """Returns the bits of floats without a sign, which have the same order and compare faster."""
    if scores.dtype not in (np.float32, np.float64):
        return scores
    bits = scores.view(f"i{scores.itemsize}")
    return bits if bits.min() >= 0 else scores
