"""The streamed global threshold against a full sort of all scores together."""

import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from state_of_sparsity.masking import global_threshold
from state_of_sparsity.masking.global_threshold import zeros_by_global_threshold
from state_of_sparsity.masking.top_k import keep_largest
from tests import reference

# Few distinct values, so that most examples hold ties.
TIED = st.sampled_from([0.0, -0.0, 0.25, 0.5, -1.0, 3.0, float("inf"), float("-inf")])
ANY = st.floats(width=32, allow_nan=False)


def groups(dtype, elements):
    shapes = arrays.array_shapes(min_dims=1, max_dims=4, max_side=6)
    return st.lists(arrays.arrays(dtype, shapes, elements=elements), min_size=1, max_size=5)


def check(scores, zeros, dtype):
    counts = zeros_by_global_threshold([lambda a=a: a for a in scores], zeros, dtype)
    assert sum(counts) == zeros
    together = np.concatenate([array.reshape(-1) for array in scores])
    ends = np.cumsum([array.size for array in scores])[:-1]
    parts = np.split(reference.exact_mask(together, zeros), ends)
    for array, part, count in zip(scores, parts, counts, strict=True):
        np.testing.assert_array_equal(keep_largest(array, count), part.reshape(array.shape))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("elements", [TIED, ANY], ids=["tied", "any"])
def test_it_drops_the_smallest_of_all(dtype, elements):
    @settings(max_examples=50, deadline=None, derandomize=True)
    @given(scores=groups(dtype, elements), data=st.data())
    def run(scores, data):
        check(scores, data.draw(st.integers(0, sum(array.size for array in scores))), dtype)

    run()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_in_chunks(monkeypatch, dtype):
    monkeypatch.setattr(global_threshold, "_CHUNK", 7)
    rng = np.random.default_rng(0)
    scores = [rng.normal(size=(5, 8)).astype(dtype), rng.normal(size=50).astype(dtype)]
    for zeros in range(0, 91, 13):
        check(scores, zeros, dtype)


def test_doubles_that_are_equal_as_floats_are_told_apart():
    scores = [np.array([1.0 + 2e-16 * 3, 1.0]), np.array([1.0 + 2e-16])]
    assert zeros_by_global_threshold([lambda a=a: a for a in scores], 2, np.float64) == [1, 1]
    assert zeros_by_global_threshold([lambda a=a: a for a in scores], 2, np.float32) == [2, 0]


class Scores(np.ndarray):
    """An array that can be watched."""


@pytest.mark.parametrize(("size", "passes"), [(10, 1 + 3), (30_000, 2)])
def test_one_array_at_a_time(size, passes):
    """Where a sample serves in two passes; the sample of few scores does not."""
    alive, most = set(), []

    def source():
        array = np.random.default_rng(0).random(size, np.float32).view(Scores)
        alive.add(id(array))
        weakref.finalize(array, alive.discard, id(array))
        most.append(len(alive))
        return array

    counts = zeros_by_global_threshold([source] * 4, size * 2)
    assert sum(counts) == size * 2 and max(counts) - min(counts) <= 1
    assert len(most) == 4 * passes and max(most) <= 2  # the one at hand, and the one before it


def few_values(random):
    return random.integers(0, 4, 40_000)


def misleading(random):
    return random.random(40_000) + 9 * (np.arange(40_000) % 65 == 0)  # what the sample takes


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("share", [0.001, 0.5, 0.95])
@pytest.mark.parametrize(
    "make", [lambda random: random.normal(size=40_000), few_values, misleading]
)
def test_many_scores(make, share, dtype):
    random = np.random.default_rng(0)
    scores = [make(random).astype(dtype) * scale for scale in (1, 0.5, 2)]
    check(scores, round(share * 120_000), dtype)


def test_empty_arrays_among_many_scores():
    random = np.random.default_rng(0)
    scores = [np.zeros((0, 3)), random.random(100_000), np.ones(1), np.zeros(0)]
    check([array.astype(np.float32) for array in scores], 50_000, np.float32)


def test_a_sample_that_misleads_keeps_few():
    """What it keeps of all arrays is counted meanwhile, and the digits serve then."""
    shared = np.full(65_000, 0.5, np.float32)
    shared[::65] = np.linspace(0, 1, 1000)  # all that the sample sees
    sources, calls = [lambda: shared] * 6, []
    counted = [lambda source=source: (calls.append(1), source())[1] for source in sources]
    counts = zeros_by_global_threshold(counted, 195_000)
    assert sum(counts) == 195_000
    assert 6 + 6 + 18 > len(calls) > 6 + 18  # given up before all were read a second time
