import itertools

import numpy as np
import pytest

from state_of_sparsity.data.text.packing import INPUTS, PackedRows, one_a_row, pack, packed
from state_of_sparsity.data.text.tokenized_pairs import Sequences, TokenizedPairs

LENGTH = 64


def make(count, seed=0):
    """Returns pairs whose ids are all the pair's number, from 1 on."""
    rng = np.random.default_rng(seed)
    sides = []
    for _ in range(2):
        lengths = np.minimum(rng.geometric(0.1, count), LENGTH)
        sides.append(Sequences(np.repeat(np.arange(1, count + 1, dtype="int32"), lengths), lengths))
    return TokenizedPairs(*sides, {})


PAIRS = make(300)


def rows_of(seed=0, pairs=PAIRS, **changes):
    arguments = {"tokens": 4 * LENGTH, "length": LENGTH} | changes
    return PackedRows(pairs, **arguments, generator=np.random.default_rng(seed))


def unpacked(inputs):
    """Returns `{pair: (source ids, target ids)}` of a batch, by the numbers of segments."""
    found = {}
    for row in range(len(inputs["source"])):
        for segment in range(1, inputs["source_segments"][row].max() + 1):
            ids = []
            for side in ("source", "target"):
                own = inputs[f"{side}_segments"][row] == segment
                positions = inputs[f"{side}_positions"][row][own]
                assert positions.tolist() == list(range(own.sum()))
                ids.append(inputs[side][row][own].tolist())
            assert ids[0][0] not in found
            found[ids[0][0]] = tuple(ids)
    return found


def assert_whole(found):
    """Asserts that each pair found has all its ids and no other's."""
    for number, ids in found.items():
        lengths = (side.lengths[number - 1] for side in (PAIRS.source, PAIRS.target))
        assert ids == tuple([number] * length for length in lengths)


def test_pairs_go_into_the_first_row_with_room():
    lengths = ([6, 5, 3, 2, 5, 4], [1, 5, 3, 9, 5, 8])
    sides = (Sequences(np.ones(sum(x), "int32"), np.array(x)) for x in lengths)
    order, offsets = pack(TokenizedPairs(*sides, {}), np.arange(6), 10)
    rows = [order[a:b].tolist() for a, b in itertools.pairwise(offsets)]
    assert rows == [[0, 2], [1, 4], [3], [5]]


def test_only_ten_rows_are_open():
    lengths = [9] * 11 + [1, 1]
    sides = (Sequences(np.ones(sum(lengths), "int32"), np.array(lengths)) for _ in range(2))
    order, offsets = pack(TokenizedPairs(*sides, {}), np.arange(13), 10)
    rows = [order[a:b].tolist() for a, b in itertools.pairwise(offsets)]
    assert rows == [[0], [1, 11], [2, 12], *([i] for i in range(3, 11))]


def test_a_batch_has_whole_pairs_one_after_the_other():
    rows = rows_of()
    assert rows.batch_size == 4
    for batch in rows.epoch(np.random.default_rng(0)):
        inputs, targets = rows.arrays(batch)
        assert tuple(inputs) == INPUTS and targets is inputs["target"]
        for values in inputs.values():
            assert values.shape == (4, LENGTH) and values.dtype == np.int32
        for side in ("source", "target"):
            segments = inputs[f"{side}_segments"]
            np.testing.assert_array_equal(segments > 0, inputs[side] > 0)
            padding = segments == 0
            assert (np.diff(padding.astype(int), axis=1) >= 0).all()  # at the end only
            assert (np.diff(np.where(padding, 99, segments), axis=1) >= 0).all()
            assert not inputs[f"{side}_positions"][padding].any()
        assert_whole(unpacked(inputs))


def test_an_epoch_has_each_pair_once_but_for_the_rows_of_less_than_a_batch():
    rows = rows_of(tokens=7 * LENGTH)
    left_out = []
    for epoch in range(20):
        batches = rows.epoch(np.random.default_rng(epoch))
        assert len(batches) == rows.batches_per_epoch
        numbers = np.concatenate(batches)
        assert len(set(numbers)) == len(numbers)
        found = [number for batch in batches for number in unpacked(rows.arrays(batch)[0])]
        assert len(set(found)) == len(found)
        left_out.append(set(range(1, 301)) - set(found))
    assert 0 < len(left_out[0]) < 7 * LENGTH and len(set.union(*left_out)) > len(left_out[0])
    every = rows_of(tokens=LENGTH)
    batches = every.epoch(np.random.default_rng(0))
    found = [number for batch in batches for number in unpacked(every.arrays(batch)[0])]
    assert sorted(found) == list(range(1, 301))


def test_little_is_padding():
    rows = rows_of(pairs=make(5000), tokens=LENGTH)
    epoch = rows.epoch(np.random.default_rng(0))
    filled = np.mean([rows.arrays(batch)[1] > 0 for batch in epoch])
    assert filled > 0.85


def test_generators_decide_on_rows_and_order():
    def first(seed, epoch):
        rows = rows_of(seed)
        return rows.arrays(rows.epoch(np.random.default_rng(epoch))[0])[1]

    np.testing.assert_array_equal(first(0, 0), first(0, 0))
    assert not np.array_equal(first(0, 0), first(0, 1))
    assert not np.array_equal(np.sort(first(0, 0)), np.sort(first(1, 0)))


@pytest.mark.parametrize("workers", [2, 4])
def test_workers_share_a_batch_in_its_order(workers):
    rows = rows_of()
    for batch in rows.epoch(np.random.default_rng(0))[:5]:
        parts = [rows.arrays(batch, worker, workers)[0] for worker in range(workers)]
        whole, _ = rows.arrays(batch)
        for name in INPUTS:
            together = np.concatenate([part[name] for part in parts])
            np.testing.assert_array_equal(together, whole[name])


def test_one_pair_a_row():
    inputs, _ = one_a_row(PAIRS, np.array([7, 2]), LENGTH)
    assert inputs["source_segments"].max() == inputs["target_segments"].max() == 1
    assert inputs["source"][:, 0].tolist() == [8, 3]
    assert_whole(unpacked(inputs))
    several, _ = packed(PAIRS, np.array([7, 2, 5]), np.array([2, 1]), 2 * LENGTH)
    assert list(unpacked(several)) == [8, 3, 6]
