"""Equally many zeros in every column of a matrix."""

import numpy as np

from state_of_sparsity.masking.top_k import keep_largest


def keep_in_columns(scores: np.ndarray, zeros: int) -> np.ndarray:
    """Returns a mask with exactly `zeros` zeros, in no two columns more than one apart.

    Each column drops its lowest scores. What is left to drop, less than one a column, is taken
    where the next in turn is lowest; of equal scores the first are dropped.

    Args:
        scores: a matrix, free of NaN.
        zeros: how many to drop, in [0, scores.size].

    Returns:
        A boolean array of the shape of `scores`, true where a weight stays.

    Example:

    >>> keep_in_columns(np.array([[1.0, 7.0], [2.0, 8.0], [3.0, 9.0]]), zeros=3)
    array([[False, False],
           [False,  True],
           [ True,  True]])
    """
    columns = np.ascontiguousarray(scores.T)
    each, more = divmod(zeros, len(columns))
    mask = _largest_of_each(columns, each)
    if more:
        kept = np.where(mask, columns, np.inf)
        following = np.argmin(kept, axis=1)  # the first of equal ones
        next_in_turn = np.take_along_axis(kept, following[:, None], axis=1)[:, 0]
        for index in np.flatnonzero(~keep_largest(next_in_turn, more)):
            if mask[index, following[index]]:
                mask[index, following[index]] = False
            else:  # infinite scores alone are left
                mask[index] = keep_largest(columns[index], each + 1)
    return mask.T


def _largest_of_each(columns, zeros):
    """Returns the masks of all columns, each of which drops its `zeros` smallest scores."""
    if zeros == 0:
        return np.ones(columns.shape, bool)
    thresholds = np.partition(columns, zeros - 1, axis=1)[:, zeros - 1 : zeros]
    mask = columns > thresholds
    for index in np.flatnonzero(np.count_nonzero(mask, axis=1) != columns.shape[1] - zeros):
        mask[index] = keep_largest(columns[index], zeros)  # some equal the threshold
    return mask
