"""Masks of groups, where the patterns' own tests do not reach."""

import numpy as np
import pytest

from state_of_sparsity.masking.groups import keep_in_groups, zeros_in_groups
from tests import reference


@pytest.mark.parametrize(("rows", "kept", "size"), [(300, 7, 300), (600, 299, 300), (5, 2, 300)])
def test_more_scores_in_a_group_than_a_byte_counts(rows, kept, size):
    scores = np.random.default_rng(0).permutation(2 * rows).reshape(rows, 2).astype(np.float32)
    groups = [
        [(row, column) for row in range(start, min(start + size, rows))]
        for column in range(2)
        for start in range(0, rows, size)
    ]
    found = keep_in_groups(scores, kept, size)
    np.testing.assert_array_equal(found, reference.mask_by_groups(scores, groups, kept))
    assert np.count_nonzero(~found) == 2 * zeros_in_groups(rows, kept, size)
