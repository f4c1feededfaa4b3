"""Equally many zeros in every column, against sorting column by column."""

import numpy as np
import pytest

from state_of_sparsity.masking.columns import keep_in_columns

MAKE = {
    "normal": lambda random, shape: random.normal(size=shape),
    "few values": lambda random, shape: random.integers(0, 3, shape),
    "all equal": lambda random, shape: np.zeros(shape),
    "infinities": lambda random, shape: np.where(random.random(shape) < 0.5, np.inf, 1.0),
}


def by_sorting(scores, zeros):
    """What is dropped, one score at a time: from each column in turn, the lowest next one first."""
    each, more = divmod(zeros, scores.shape[1])
    order = np.argsort(scores, axis=0, kind="stable")
    mask = np.ones(scores.shape, bool)
    np.put_along_axis(mask, order[:each], False, axis=0)
    if more:
        following = order[each]
        lowest = np.argsort(scores[following, np.arange(scores.shape[1])], kind="stable")[:more]
        mask[following[lowest], lowest] = False
    return mask


@pytest.mark.parametrize("name", MAKE)
def test_masks_of_all_counts(name):
    random = np.random.default_rng(0)
    for shape in ((1, 1), (1, 5), (5, 1), (7, 4), (12, 9)):
        scores = MAKE[name](random, shape).astype("float32")
        for zeros in range(scores.size + 1):
            expected = by_sorting(scores, zeros)
            np.testing.assert_array_equal(keep_in_columns(scores, zeros), expected)
