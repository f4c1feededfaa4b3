import itertools
import re

import numpy as np
import pytest
import tensorflow as tf

from state_of_sparsity.data.images import image_records
from state_of_sparsity.data.images.image_records import Shard

LENGTHS = (7, 5, 0, 9, 6, 4)  # of the files; one is empty


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """Files of records that say which file they are of and where in it they are."""
    folder = tmp_path_factory.mktemp("records")
    found = []
    for file, length in enumerate(LENGTHS):
        path = str(folder / f"{file}.tfrecord")
        write(path, [f"{file} {index}".encode() for index in range(length)])
        found.append(Shard(path, 0, length))
    return found


def write(path, contents):
    with tf.io.TFRecordWriter(path) as writer:
        for content in contents:
            writer.write(content)


def read(shards):
    return [record.decode() for record in image_records.fixed_order(shards).as_numpy_iterator()]


def in_file_order(shards):
    return [f"{s.path[-10]} {i}" for s in shards for i in range(s.skip, s.skip + s.take)]


def test_records_are_counted(shards):
    assert [image_records.count_records(shard.path) for shard in shards] == list(LENGTHS)


@pytest.mark.parametrize("bytes_left", [1, 11, 12, 15, 18, 30])
def test_a_truncated_file_is_named(tmp_path, bytes_left):
    path = tmp_path / "train-00000-of-00001"
    write(str(path), [b"abc", b"defgh"])
    assert path.stat().st_size == 19 + 21
    path.write_bytes(path.read_bytes()[:bytes_left])
    with pytest.raises(ValueError, match=rf"`data_dir` must hold undamaged .*{path}, which has"):
        image_records.count_records(str(path))


def test_what_is_no_file_of_records_is_named(tmp_path):
    path = tmp_path / "train-images"
    path.write_bytes(b"no records at all, but text")
    with pytest.raises(ValueError, match=re.escape(str(path))):
        image_records.count_records(str(path))


def test_the_last_records_are_split_off(shards):
    whole = in_file_order(shards)
    for examples in range(sum(LENGTHS) + 1):
        first, last = image_records.split_last(shards, examples)
        assert in_file_order(first) + in_file_order(last) == whole
        assert image_records.examples_in(last) == examples
        assert all(shard.take for shard in first + last)


def test_the_fixed_order_has_every_record_once(shards):
    whole = read(shards)
    assert sorted(whole) == sorted(in_file_order(shards)) and read(shards) == whole
    first, last = image_records.split_last(shards, 13)
    assert sorted(read(first) + read(last)) == sorted(whole)
    assert sorted(read(last)) == sorted(in_file_order(shards)[-13:])


def order(shards, first_step=0, worker=0, workers=1, steps=20, **changes):
    """Returns `(number, record)` of some steps of 6 records."""
    arguments = {"batch_size": 6, "seed": 0, "shuffle_buffer": 8, **changes}
    records = image_records.training_order(
        shards, first_step=first_step, worker=worker, workers=workers, **arguments
    )
    take = records.take(steps * (arguments["batch_size"] // workers))
    return [(int(number), record.decode()) for number, record in take.as_numpy_iterator()]


BATCHES = sum(LENGTHS) // 6  # in an epoch; one record is left over


def test_an_epoch_has_no_record_twice(shards):
    found = order(shards, steps=3 * BATCHES)
    epochs = [found[start : start + 6 * BATCHES] for start in range(0, len(found), 6 * BATCHES)]
    whole = set(in_file_order(shards))
    for epoch, pairs in enumerate(epochs):
        numbers, records = zip(*pairs, strict=True)
        start = epoch * sum(LENGTHS)
        assert list(numbers) == list(range(start, start + 6 * BATCHES))
        assert len(set(records)) == 6 * BATCHES and set(records) < whole
    assert len({tuple(record for _, record in pairs) for pairs in epochs}) == 3


def test_any_step_is_reached_directly(shards):
    found = order(shards, steps=4 * BATCHES)
    for step in (1, 2, BATCHES - 1, BATCHES, BATCHES + 3, 3 * BATCHES - 1):
        assert order(shards, step, steps=4 * BATCHES - step) == found[6 * step :], step
    far = order(shards, first_step=10**9, steps=1)
    assert far[0][0] == 10**9 // BATCHES * sum(LENGTHS) + 10**9 % BATCHES * 6


@pytest.mark.parametrize("workers", [2, 3])
def test_workers_share_each_batch_in_its_order(shards, workers):
    whole, part = order(shards, 3), 6 // workers
    parts = [order(shards, 3, worker, workers) for worker in range(workers)]
    for step in range(20):
        of_step = [records[part * step : part * (step + 1)] for records in parts]
        assert list(itertools.chain(*of_step)) == whole[6 * step : 6 * (step + 1)]


def test_the_order_depends_on_the_seed_and_not_on_that_of_the_process(shards):
    found = order(shards)
    assert order(shards, seed=1) != found
    for seed in (0, 3):
        tf.random.set_seed(seed)
        assert order(shards) == found


def test_an_iterator_begins_anew(shards):
    records = image_records.training_order(shards, 6, 0, 8, first_step=2).take(30)
    first, second = (list(records.as_numpy_iterator()) for _ in range(2))
    assert first == second


def test_files_take_turns_in_an_order_of_the_epoch(shards):
    """With a buffer for one record there is no other order than that of the files."""
    found = [record for _, record in order(shards, shuffle_buffer=1, steps=12 * BATCHES)]
    starts = set()
    for begin in range(0, len(found), 6 * BATCHES):
        epoch = found[begin : begin + 6 * BATCHES]
        files = list(dict.fromkeys(record.split()[0] for record in epoch))
        turns = [f"{file} {turn}" for turn in range(9) for file in files]
        assert epoch == [record for record in turns if record in set(in_file_order(shards))][:-1]
        starts.add(tuple(files))
    assert len(starts) > 6


def test_more_files_than_are_open_at_a_time(tmp_path):
    found = []
    for file in range(40):
        path = str(tmp_path / f"{file:02d}")
        write(path, [b"%d" % file] * 2)
        found.append(Shard(path, 0, 2))
    first, second = order(found, batch_size=80, steps=1), order(found, batch_size=80, steps=1)
    assert first == second
    files = np.array([int(record) for _, record in first])
    np.testing.assert_array_equal(np.bincount(files), np.full(40, 2))
