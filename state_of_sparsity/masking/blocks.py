"""Masks of whole blocks of matrices, by the mean of their scores."""

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


def spread(blocks: np.ndarray, shape: tuple[int, int], rows: int, columns: int) -> np.ndarray:
    """Returns matrices of `rows` and `columns` that have in each weight what its block has."""
    wide = blocks.repeat(shape[0], axis=-2)[..., :rows, :]
    return wide.repeat(shape[1], axis=-1)[..., :columns]


def keep_blocks(scores: np.ndarray, shape: tuple[int, int], zeros: int) -> np.ndarray:
    """Returns a mask that drops the blocks of lowest mean score: as many as `zeros` has room for.

    In the order of their means, up to the first that would make it more than `zeros` weights; of
    equal means the first. A block with an infinite score stays.

    Args:
        scores: matrices along the last two axes, free of NaN.
        shape: rows and columns of a block.
        zeros: how many weights to drop at most.

    Returns:
        A boolean array of the shape of `scores`, true where a weight stays.
    """
    means = block_means(scores, shape)
    sizes = np.broadcast_to(_sizes(scores.shape, shape), means.shape).reshape(-1)
    if np.all(sizes == sizes[0]):  # the rule, and no time spent on an order
        count = zeros // int(sizes[0])
    else:
        order = np.argsort(means, axis=None, kind="stable")
        count = int(np.searchsorted(np.cumsum(sizes[order]), zeros, side="right"))
    count = min(count, int(np.count_nonzero(means < np.inf)))
    return spread(keep_largest(means, count), shape, *scores.shape[-2:])


def _sizes(whole, shape):
    """Returns how many weights each block of a matrix has."""
    rows, columns = (
        np.minimum(size, length - np.arange(0, length, size))
        for length, size in zip(whole[-2:], shape, strict=True)
    )
    return rows[:, None] * columns
