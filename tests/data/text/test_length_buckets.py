import numpy as np
import pytest

from state_of_sparsity.data.text.length_buckets import (
    LengthBuckets,
    bucket_examples,
    bucket_lengths,
    padded,
)
from state_of_sparsity.data.text.tokenized_pairs import Sequences, TokenizedPairs


def make(count, longest=64, seed=0):
    """Returns pairs of random ids, each of which is its own sentence's number and place."""
    rng = np.random.default_rng(seed)
    sides = []
    for _ in range(2):
        lengths = np.minimum(rng.geometric(0.1, count), longest)
        ids = np.concatenate([number * 100 + 1 + np.arange(x) for number, x in enumerate(lengths)])
        sides.append(Sequences(ids.astype("int32"), lengths))
    return TokenizedPairs(*sides, {})


PAIRS = make(500)


@pytest.mark.parametrize(
    ("longest", "lengths"),
    [
        (256, [8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256]),
        (100, [10, 13, 19, 25, 38, 50, 75, 100]),
        (9, [9]),
        (8, [8]),
        (5, [5]),
    ],
)
def test_the_lengths_of_buckets(longest, lengths):
    assert bucket_lengths(longest) == lengths


@pytest.mark.parametrize("tokens", [256, 2048, 3000, 16_384])
def test_batches_keep_to_the_tokens_and_to_multiples(tokens):
    batch_size = tokens // 256
    for length in bucket_lengths(256):
        examples = bucket_examples(length, tokens, batch_size)
        assert 0 < examples * length <= tokens and examples % batch_size == 0
        # At most one multiple more would fit.
        assert (examples + batch_size) * length > tokens
    assert examples == batch_size


def test_a_batch_holds_pairs_that_fit_its_length():
    buckets = LengthBuckets(PAIRS, tokens=256, maximum_length=64)
    assert buckets.batch_size == 4
    batches = buckets.epoch(np.random.default_rng(0))
    longest = np.maximum(PAIRS.source.lengths, PAIRS.target.lengths)
    for length, chosen in batches:
        assert len(chosen) == bucket_examples(length, 256, 4)
        assert longest[chosen].max() <= length
    lengths = [length for length, _ in batches]
    assert lengths != sorted(lengths) and set(lengths) == set(bucket_lengths(64))


@pytest.mark.parametrize("count", [503, 37, 9, 4])
def test_an_epoch_has_each_pair_once_but_for_fewer_than_a_batch(count):
    buckets = LengthBuckets(make(count), tokens=256, maximum_length=64)
    left_out = []
    for epoch in range(20):
        batches = buckets.epoch(np.random.default_rng(epoch))
        assert len(batches) == buckets.batches_per_epoch
        seen = np.concatenate([chosen for _, chosen in batches])
        assert len(set(seen)) == len(seen)
        left_out.append(set(range(count)) - set(seen))
        assert len(left_out[-1]) == count % 4
    if count == 503:  # others each time
        assert len(set.union(*left_out)) > 4


def test_too_few_pairs_make_no_batch():
    buckets = LengthBuckets(make(3), tokens=256, maximum_length=64)
    assert buckets.batches_per_epoch == 0


def test_the_generator_decides():
    buckets = LengthBuckets(PAIRS, tokens=256, maximum_length=64)
    first, again, other = (buckets.epoch(np.random.default_rng(seed)) for seed in (0, 0, 1))
    flat = [np.concatenate([chosen for _, chosen in found]).tolist() for found in (first, again)]
    assert flat[0] == flat[1]
    assert {tuple(sorted(chosen)) for _, chosen in first}.isdisjoint(
        tuple(sorted(chosen)) for _, chosen in other
    )


def test_rows_are_sentences_and_then_zeros():
    inputs, targets = padded(PAIRS, np.array([3, 499, 3]), 64)
    assert targets is inputs["target"]
    for side in ("source", "target"):
        assert inputs[side].dtype == np.int32 and inputs[side].shape == (3, 64)
        for row, number in zip(inputs[side], (3, 499, 3), strict=True):
            length = getattr(PAIRS, side).lengths[number]
            assert row.tolist() == [number * 100 + 1 + i for i in range(length)] + [0] * (
                64 - length
            )


@pytest.mark.parametrize("workers", [2, 4])
def test_workers_share_a_batch_in_its_order(workers):
    buckets = LengthBuckets(PAIRS, tokens=256, maximum_length=64)
    for batch in buckets.epoch(np.random.default_rng(0))[:5]:
        parts = [buckets.arrays(batch, worker, workers)[0] for worker in range(workers)]
        whole, _ = buckets.arrays(batch)
        for side in ("source", "target"):
            together = np.concatenate([part[side] for part in parts])
            np.testing.assert_array_equal(together, whole[side])
            assert {len(part[side]) for part in parts} == {len(whole[side]) // workers}
