"""Masks of whole blocks of matrices, by the mean of their scores or the largest."""

import numpy as np

from state_of_sparsity.masking.top_k import keep_largest


def block_means(scores: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Returns the mean score of every block of some matrices.

    Blocks begin at the first row and column; what is left at the ends are short blocks.

    Args:
        scores: matrices along the last two axes, free of NaN.
        shape: rows and columns of a block.

    Returns:
        An array of float64 with one entry a block along the last two axes.

    Example:

    >>> block_means(np.arange(6.0).reshape(3, 2), (2, 1))
    array([[1., 2.],
           [4., 5.]])
    """
    sums = scores
    for axis, size in zip((-2, -1), shape, strict=True):
        if size > 1:
            starts = np.arange(0, scores.shape[axis], size)
            sums = np.add.reduceat(sums, starts, axis, dtype=np.float64)
    return sums / _sizes(scores.shape, shape)


def block_maxima(scores: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Returns the largest score of every block of some matrices, as `block_means` does means."""
    largest = scores
    for axis, size in zip((-2, -1), shape, strict=True):
        if size > 1:
            largest = np.maximum.reduceat(largest, np.arange(0, scores.shape[axis], size), axis)
    return largest.astype(np.float64)


def spread(blocks: np.ndarray, shape: tuple[int, int], rows: int, columns: int) -> np.ndarray:
    """Returns matrices of `rows` and `columns` that have in each weight what its block has."""
    wide = blocks.repeat(shape[0], axis=-2)[..., :rows, :]
    return wide.repeat(shape[1], axis=-1)[..., :columns]


def keep_blocks(
    pooled: np.ndarray, shape: tuple[int, int], rows: int, columns: int, zeros: int
) -> np.ndarray:
    """Returns a mask that drops the blocks of lowest score: as many as `zeros` has room for.

    In the order of their scores, up to the first that would make it more than `zeros` weights; of
    equal scores the first. A block of infinite score stays.

    Args:
        pooled: what `block_means` or `block_maxima` returned.
        shape: rows and columns of a block.
        rows, columns: of the matrices.
        zeros: how many weights to drop at most.

    Returns:
        A boolean array of matrices, true where a weight stays.
    """
    sizes = np.broadcast_to(_sizes((rows, columns), shape), pooled.shape).reshape(-1)
    if np.all(sizes == sizes[0]):  # the rule, and no time spent on an order
        count = zeros // int(sizes[0])
    else:
        order = np.argsort(pooled, axis=None, kind="stable")
        count = int(np.searchsorted(np.cumsum(sizes[order]), zeros, side="right"))
    count = min(count, int(np.count_nonzero(pooled < np.inf)))
    return spread(keep_largest(pooled, count), shape, rows, columns)


def _sizes(whole, shape):
    """Returns how many weights each block of a matrix has."""
    rows, columns = (
        np.minimum(size, length - np.arange(0, length, size))
        for length, size in zip(whole[-2:], shape, strict=True)
    )
    return rows[:, None] * columns
