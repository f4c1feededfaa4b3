"""The best of every few scores along an axis."""

import numpy as np


def keep_in_groups(scores: np.ndarray, kept: int, size: int) -> np.ndarray:
    """Returns a mask that keeps the highest scores of each group along the last axis but one.

    Groups are of `size` neighbours, from the first on. A short last group keeps as many as the
    others where it has so many: what is missing from it counts as dropped. Of equal scores the
    first are dropped.

    Args:
        scores: an array of two axes or more, free of NaN.
        kept: how many each group keeps, from 0 to `size`.
        size: of a group, at least 1.

    Returns:
        A boolean array of the shape of `scores`, true where a weight stays.

    Example:

    >>> keep_in_groups(np.array([[3.0], [1.0], [2.0], [0.0], [5.0]]), kept=2, size=4)[:, 0]
    array([ True, False,  True, False,  True])
    """
    *outer, rows, columns = scores.shape
    whole = rows - rows % size
    mask = np.empty(scores.shape, bool)
    groups = scores[..., :whole, :].reshape(*outer, whole // size, size, columns)
    mask[..., :whole, :] = _best(groups, kept).reshape(*outer, whole, columns)
    mask[..., whole:, :] = _best(scores[..., whole:, :], kept)
    return mask


def zeros_in_groups(rows: int, kept: int, size: int) -> int:
    """Returns how many of `rows` scores in a column `keep_in_groups` drops."""
    whole, short = divmod(rows, size)
    return whole * (size - kept) + max(0, short - kept)


def _best(groups, kept):
    """Returns where fewer than `kept` of a group, along the last axis but one, are better."""
    size = groups.shape[-2]
    if kept >= size:
        return np.ones(groups.shape, bool)
    better = np.zeros(groups.shape, np.min_scalar_type(size))
    for distance in range(1, size):  # no sort: of a few scores each is compared with each
        later_is = groups[..., distance:, :] >= groups[..., :-distance, :]
        better[..., :-distance, :] += later_is
        better[..., distance:, :] += ~later_is
    return better < kept
