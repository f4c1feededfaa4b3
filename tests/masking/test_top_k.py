"""Exact masks against a full sort, and counts that add up."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from state_of_sparsity.masking.erdos_renyi_kernel import zeros_by_erdos_renyi_kernel
from state_of_sparsity.masking.top_k import keep_largest, zero_count
from tests import reference

# Few distinct values, so that most examples hold ties.
SCORES = arrays.arrays(
    np.float32,
    arrays.array_shapes(min_dims=1, max_dims=4, max_side=6),
    elements=st.sampled_from([0.0, 0.25, 0.5, 1.0, 3.0, float("inf")]),
)
SHAPES = st.lists(
    st.lists(st.integers(1, 40), min_size=2, max_size=4).map(tuple), min_size=1, max_size=6
)
repeatable = settings(max_examples=100, deadline=None, derandomize=True)


@pytest.mark.parametrize("kind", ["distinct", "tied", "all equal", "negative zero"])
def test_every_count_of_zeros_equals_a_full_sort(kind):
    rng = np.random.default_rng(0)
    scores = {
        "distinct": rng.permutation(24).astype(np.float32).reshape(2, 3, 4),
        "tied": rng.integers(0, 4, (4, 6)).astype(np.float32),
        "all equal": np.ones((5, 5), np.float32),
        "negative zero": np.array([0.0, -0.0, 1.0, 0.0, -0.0], np.float32),
    }[kind]
    for zeros in range(scores.size + 1):
        mask = keep_largest(scores, zeros)
        assert mask.dtype == bool
        np.testing.assert_array_equal(mask, reference.exact_mask(scores, zeros))


@pytest.mark.parametrize("zeros", [1, 10, 1000, 2500, 4999])
def test_many_scores(zeros):
    """More than numpy sorts whole on the way to a partition."""
    scores = np.random.default_rng(zeros).normal(size=5000).astype(np.float32)
    np.testing.assert_array_equal(keep_largest(scores, zeros), reference.exact_mask(scores, zeros))


LARGE = 200_003
VALUES = {
    "normal": lambda random: np.abs(random.normal(size=LARGE)),
    "signed": lambda random: random.normal(size=LARGE),
    "sorted": lambda random: np.arange(LARGE),
    "sorted the other way": lambda random: -np.arange(LARGE),
    "all equal": lambda random: np.ones(LARGE),
    "three values": lambda random: random.integers(0, 3, LARGE),
    "most are zero": lambda random: random.normal(size=LARGE) * (random.random(LARGE) > 0.95),
    "infinite": lambda random: np.where(random.random(LARGE) > 0.5, np.inf, random.random(LARGE)),
    # The sample takes every 193rd: it sees nothing of the others.
    "a sample that misleads": lambda random: np.where(
        np.arange(LARGE) % 193, random.random(LARGE), 9
    ),
    "a periodic sample": lambda random: np.arange(LARGE) % 193,
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32])
@pytest.mark.parametrize("kind", VALUES)
def test_masks_of_many_numbers(kind, dtype):
    values = VALUES[kind](np.random.default_rng(0))
    values = np.nan_to_num(values, posinf=1e6).astype(dtype) if dtype == np.int32 else values
    values = values.astype(dtype)
    order = np.argsort(values, kind="stable")
    for zeros in {1, 100, LARGE // 3, LARGE // 2, int(0.9 * LARGE), LARGE - 100, LARGE - 1}:
        expected = np.ones(LARGE, bool)
        expected[order[:zeros]] = False
        np.testing.assert_array_equal(keep_largest(values, zeros), expected)


def test_a_transposed_view_is_counted_in_its_own_order():
    scores = np.arange(6.0).reshape(2, 3).T
    np.testing.assert_array_equal(keep_largest(scores, 4), reference.exact_mask(scores, 4))


@repeatable
@given(scores=SCORES, data=st.data())
def test_masks_of_any_scores_are_exact_and_equal_a_full_sort(scores, data):
    zeros = data.draw(st.integers(0, scores.size))
    mask = keep_largest(scores, zeros)
    assert mask.size - mask.sum() == zeros
    np.testing.assert_array_equal(mask, reference.exact_mask(scores, zeros))


@repeatable
@given(scores=SCORES, data=st.data())
def test_masks_of_equal_scores_are_nested_as_sparsity_grows(scores, data):
    fewer, more = sorted(data.draw(st.tuples(*[st.integers(0, scores.size)] * 2)))
    assert not (keep_largest(scores, more) & ~keep_largest(scores, fewer)).any()


@pytest.mark.parametrize(
    ("sparsity", "size", "zeros"),
    [(0.0, 7, 0), (0.5, 10, 5), (0.9, 10, 9), (0.7, 10, 7), (0.98, 512, 502), (0.3, 1, 0)],
)
def test_zeros_are_the_rounded_product(sparsity, size, zeros):
    assert zero_count(sparsity, size) == zeros


@repeatable
@given(shapes=SHAPES, data=st.data())
def test_erdos_renyi_kernel_counts_add_up_and_follow_the_definition(shapes, data):
    sizes = [int(np.prod(shape)) for shape in shapes]
    zeros = data.draw(st.integers(0, sum(sizes)))
    counts = zeros_by_erdos_renyi_kernel(shapes, zeros)
    assert sum(counts) == zeros
    densities = reference.erdos_renyi_kernel_densities(shapes, 1 - zeros / sum(sizes))
    for size, count, density in zip(sizes, counts, densities, strict=True):
        assert 0 <= count <= size
        # Whole numbers of weights, and float64 on both sides.
        assert abs(count - size * (1 - density)) < 1 + 1e-6


def test_erdos_renyi_kernel_by_hand():
    """The sums of the shapes, 12 and 20, times epsilon are the weights that stay."""
    # epsilon = 60 / (12 + 20) = 1.875: 22.5 of 20 weights is too many, so the first stays dense,
    # and the second keeps the 40 that are left.
    assert zeros_by_erdos_renyi_kernel([(2, 10), (10, 10)], zeros=60) == [0, 60]
    # epsilon = 30 / 32: 11.25 and 18.75 weights stay; of the zeros, 8.75 and 81.25 are rounded to
    # an exact total.
    assert zeros_by_erdos_renyi_kernel([(2, 10), (10, 10)], zeros=90) == [9, 81]
