"""Records in files: a fixed order, and an order for each epoch that any step can be reached in."""

import struct
import typing

_FILES_AT_A_TIME = 16
_READ_BYTES = 2**20


class Shard(typing.NamedTuple):
    """The records from `skip` up to `skip + take` of a TFRecord file."""

    path: str
    skip: int
    take: int


def count_records(path):
    """Counts the records of a TFRecord file by their lengths, without reading what is in them.

    A record is its length as a little-endian uint64, 4 bytes of checksum, the content, 4 more.

    Args:
        path: the file; also one that TensorFlow alone can open, such as `gs://...`. It is read as a
            whole then: let TensorFlow Datasets prepare such data instead, it notes the numbers.

    Returns:
        The number of records.

    Raises:
        ValueError: if the file does not end where a record does.
    """
    import tensorflow as tf

    size, end, records = tf.io.gfile.stat(path).length, 0, 0
    # TensorFlow reads half a megabyte at a time, and with it all of the file.
    is_remote = "://" in path
    with tf.io.gfile.GFile(path, "rb") if is_remote else open(path, "rb", buffering=0) as file:
        while end < size:
            file.seek(end)
            header = file.read(12)
            if len(header) < 12:
                break
            end += 16 + struct.unpack("<Q", header[:8])[0]
            records += 1
    if end != size:
        raise ValueError(
            f"`data_dir` must hold undamaged TFRecord files. Received: {path}, which has {size} "
            f"bytes where its record {records} should end after {end}. Fetch it anew."
        )
    return records


def examples_in(shards):
    """Returns the number of records in shards."""
    return sum(shard.take for shard in shards)


def split_last(shards, examples):
    """Splits shards into all but the last records, in the order of the files, and these.

    Args:
        shards: a list of `Shard`.
        examples: how many records the second part has, 0 to all there are.

    Returns:
        Two lists of `Shard`.
    """
    first, last = [], []
    left = examples_in(shards) - examples
    for path, skip, take in shards:
        kept = min(take, left)
        left -= kept
        if kept:
            first.append(Shard(path, skip, kept))
        if kept < take:
            last.append(Shard(path, skip + kept, take - kept))
    return first, last


def fixed_order(shards):
    """Returns a `tf.data.Dataset` of all records, always in the same order."""
    import tensorflow as tf

    # Keras warns at the end of data whose number it does not know.
    number = tf.data.experimental.assert_cardinality(examples_in(shards))
    return _interleaved(*zip(*shards, strict=True)).apply(number)


def training_order(shards, batch_size, seed, shuffle_buffer, first_step=0, worker=0, workers=1):
    """Returns the records of training batches, from an optimizer step on, without end.

    Epoch e permutes the files, reads 16 at a time in turns, and shuffles the records in a buffer:
    both orders are drawn from `(seed, e)`. Records that fill no batch are left out. To get to a
    step within an epoch, all records that come before it are read, but not looked at.

    Args:
        shards: a list of `Shard`.
        batch_size: records in a batch, over all workers.
        seed: a non-negative integer.
        shuffle_buffer: records held in memory to draw the next one from.
        first_step: the optimizer step to begin at.
        worker: which part of each batch is returned, from 0 to `workers - 1`.
        workers: how many parts there are.

    Returns:
        A `tf.data.Dataset` of `(number, record)`, `batch_size // workers` of them for each step.
        `number`, an int64, is the epoch times all examples, plus the place in the epoch's order.
    """
    import tensorflow as tf

    examples, part = examples_in(shards), batch_size // workers
    batches_per_epoch = examples // batch_size
    first_epoch, first_batch = divmod(first_step, batches_per_epoch)
    files = [tf.constant(column) for column in zip(*shards, strict=True)]

    def epoch_order(epoch):
        # The default would be the seed of the process, which others set.
        tf.random.set_seed(1)
        files_seed, records_seed = tf.unstack(tf.random.split([seed, epoch], 2))
        order = tf.random.experimental.stateless_shuffle(tf.range(len(shards)), files_seed)
        records = _interleaved(*(tf.gather(column, order) for column in files))
        records = records.shuffle(shuffle_buffer, records_seed[0], reshuffle_each_iteration=False)
        skipped = tf.where(epoch == first_epoch, first_batch * batch_size, 0)
        numbered = records.enumerate(start=epoch * examples)
        return numbered.take(batches_per_epoch * batch_size).skip(tf.cast(skipped, tf.int64))

    def is_own(number, record):
        return number % examples % batch_size // part == worker

    order = tf.data.Dataset.range(first_epoch, tf.int64.max).flat_map(epoch_order)
    return order if workers == 1 else order.filter(is_own)


def _interleaved(paths, skips, takes):
    """Returns the records of several files at a time, one of each in turns."""
    import tensorflow as tf

    def records(path, skip, take):
        return tf.data.TFRecordDataset(path, buffer_size=_READ_BYTES).skip(skip).take(take)

    columns = (tf.convert_to_tensor(paths), *(tf.cast(x, tf.int64) for x in (skips, takes)))
    return tf.data.Dataset.from_tensor_slices(columns).interleave(
        records,
        cycle_length=_FILES_AT_A_TIME,
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
