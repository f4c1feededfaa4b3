"""Masks of patterns against slow statements of them, for kernels of every kind of layer."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from state_of_sparsity.patterns import Block, NOfM, PerOutput
from tests import reference
from tests.patterns.kernels_by_hand import (
    KINDS,
    blocks_of,
    groups_of,
    matrices_of,
    outputs_of,
)

repeatable = settings(max_examples=60, deadline=None, derandomize=True)


def scores_of(data, shape):
    """Returns few distinct scores, so that there are ties, or many."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    tied = data.draw(st.booleans())
    scores = rng.integers(-1, 4, shape) if tied else rng.permutation(np.prod(shape)).reshape(shape)
    return scores.astype(data.draw(st.sampled_from([np.float32, np.float64])))


def expected_kept(n, m, zeros, size):
    """From a sparsity of k / m on every group drops k: the sparsity is that of any weights."""
    return max(n, m - max(k for k in range(m + 1) if round(k / m * size) <= zeros))


@repeatable
@given(name=st.sampled_from(sorted(KINDS)), data=st.data())
def test_n_of_m(name, data):
    kind = KINDS[name]
    kernel = kind.built_kernel()
    shape, size = kernel.shape, int(np.prod(kernel.shape))
    m = data.draw(st.integers(2, 6))
    n = data.draw(st.integers(1, m - 1))
    sparsity = data.draw(st.integers(0, m - n)) / m
    zeros = round(sparsity * size)
    scores = scores_of(data, shape)
    groups = groups_of(matrices_of(kind, shape), m)
    kept = expected_kept(n, m, zeros, size)
    found = NOfM(n, m).keep(kernel, scores, zeros)
    np.testing.assert_array_equal(found, reference.mask_by_groups(scores, groups, kept))
    assert kept == m - round(sparsity * m)
    shortfall = NOfM(n, m).shortfall(kernel, zeros)
    assert zeros - shortfall <= np.count_nonzero(~found) <= zeros


@repeatable
@given(name=st.sampled_from(sorted(KINDS)), data=st.data())
def test_blocks(name, data):
    kind = KINDS[name]
    kernel = kind.built_kernel()
    shape = data.draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    zeros = data.draw(st.integers(0, int(np.prod(kernel.shape))))
    scores = scores_of(data, kernel.shape)
    blocks = blocks_of(matrices_of(kind, kernel.shape), *shape)
    found = Block(shape).keep(kernel, scores, zeros)
    np.testing.assert_array_equal(found, reference.mask_by_blocks(scores, blocks, zeros))
    shortfall = Block(shape).shortfall(kernel, zeros)
    assert zeros - shortfall <= np.count_nonzero(~found) <= zeros
    pooled = Block(shape).pooled(kernel, scores)
    assert pooled.dtype == scores.dtype
    for block in blocks:
        values = [scores[index] for index in block]
        np.testing.assert_allclose([pooled[index] for index in block], np.mean(values), rtol=1e-6)


@repeatable
@given(name=st.sampled_from(sorted(KINDS)), data=st.data())
def test_per_output(name, data):
    kind = KINDS[name]
    kernel = kind.built_kernel()
    zeros = data.draw(st.integers(0, int(np.prod(kernel.shape))))
    scores = scores_of(data, kernel.shape)
    outputs = outputs_of(matrices_of(kind, kernel.shape))
    found = PerOutput().keep(kernel, scores, zeros)
    np.testing.assert_array_equal(found, reference.mask_by_outputs(scores, outputs, zeros))
    assert np.count_nonzero(~found) == zeros
    counts = [sum(found[index] for index in own) for own in outputs]
    assert max(counts) - min(counts) <= 1


PATTERNS = [NOfM(2, 4), NOfM(1, 3), Block((4, 1)), Block((2, 3)), PerOutput()]


@repeatable
@given(name=st.sampled_from(sorted(KINDS)), pattern=st.sampled_from(PATTERNS), data=st.data())
def test_masks_are_nested_and_what_is_infinite_stays(name, pattern, data):
    """A part of a mask is part of any other with as many zeros, if its scores are infinite."""
    kernel = KINDS[name].built_kernel()
    size = int(np.prod(kernel.shape))
    most = size if pattern.sparsity is None else round(pattern.sparsity * size)
    fewer, more = sorted(data.draw(st.tuples(*[st.integers(0, most)] * 2)))
    scores = scores_of(data, kernel.shape)
    mask = pattern.keep(kernel, scores, more)
    assert not (mask & ~pattern.keep(kernel, scores, fewer)).any()
    part = mask & (scores_of(data, kernel.shape) > 0)
    others = np.where(part, np.inf, scores_of(data, kernel.shape))
    found = pattern.keep(kernel, others, more)
    if isinstance(pattern, Block):  # a block stays where one of its weights does
        assert found[part].all()
    else:
        assert found[part].all() and np.count_nonzero(found) == np.count_nonzero(mask)
