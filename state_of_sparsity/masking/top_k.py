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


def zeros_by_erdos_renyi_kernel(shapes: list[tuple[int, ...]], zeros: int) -> list[int]:
    """Returns how many zeros each kernel gets under the Erdos-Renyi-Kernel distribution.

    The density of a kernel is proportional to `sum(shape) / prod(shape)`; kernels for which that
    would exceed one are dense and the rest is shared by the others.

    Args:
        shapes: the kernels' shapes.
        zeros: how many zeros there are in all.

    Returns:
        One count a kernel; they add up to `zeros` exactly.

    Reference: Evci et al., "Rigging the Lottery", 2020, section 3, (1) sparsity distribution.
    """
    sizes = np.array([int(np.prod(shape)) for shape in shapes], np.int64)
    raw_nonzeros = np.array([sum(shape) for shape in shapes], np.float64)
    dense = np.zeros(len(shapes), bool)
    while not dense.all():
        left = sizes.sum() - zeros - sizes[dense].sum()
        scale = left / raw_nonzeros[~dense].sum()
        too_dense = ~dense & (scale * raw_nonzeros > sizes)
        if not too_dense.any():
            break
        # One at a time, the densest first: the others' share grows with each.
        dense[np.argmax(np.where(too_dense, raw_nonzeros / sizes, -np.inf))] = True
    exact = np.where(dense, 0.0, sizes - scale * raw_nonzeros)
    return _rounded_to_sum(exact, zeros, sizes)


def _rounded_to_sum(exact: np.ndarray, total: int, limits: np.ndarray) -> list[int]:
    """Rounds so that the sum is `total`: down, then up where most was cut off."""
    counts = np.clip(np.floor(exact), 0, limits).astype(np.int64)
    order = np.argsort(counts - exact, kind="stable")
    for index in order[: total - counts.sum()]:
        counts[index] += 1
    return counts.tolist()
