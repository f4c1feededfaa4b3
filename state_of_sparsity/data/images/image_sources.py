"""Where labelled images lie: what TensorFlow Datasets has prepared, or TFRecord files as of old."""

import concurrent.futures
import contextlib
import difflib
import os
import re
import typing
from collections.abc import Callable

from state_of_sparsity import extras
from state_of_sparsity.data.images.image_records import Shard, count_records
from state_of_sparsity.data.known_features import known_features_only

_OLD_CLASSES = 1000
_OLD_SPLITS = {"train": "train", "test": "validation"}
_COUNTING_THREADS = 16


class ImageSource(typing.NamedTuple):
    """Labelled images in files.

    Attributes:
        shards: takes "train" or "test", looks for these files alone, and returns their `Shard`s in
            file order.
        parse: takes a record and returns the encoded image, a string, and its label, an int32.
        classes: how many there are, labels are below; None where that is not known.
    """

    shards: Callable
    parse: Callable
    classes: int | None


def find_source(data_dir, dataset):
    """Finds labelled images, or has TensorFlow Datasets download them.

    Args:
        data_dir: a folder with files `train-*` and `validation-*`, of which one kind is enough for
            one part, else the `data_dir` of TensorFlow Datasets; `None` for the place where it
            keeps its data.
        dataset: the name TensorFlow Datasets has for the images; without meaning in a folder with
            such files.

    Returns:
        An `ImageSource`.

    Raises:
        ValueError: if there are none, or they cannot be read.
    """
    with extras.explained():
        import tensorflow as tf

    if data_dir is not None:
        data_dir = os.path.expanduser(data_dir)  # TFDS takes `~` for the name of a folder
        if not tf.io.gfile.isdir(data_dir):
            raise ValueError(
                "`data_dir` must be an existing folder, or None for the one that TensorFlow "
                f"Datasets uses by default. Received: {data_dir!r}. To have TensorFlow Datasets "
                "download to it, make it first."
            )
        if any(_paths(data_dir, split) for split in _OLD_SPLITS.values()):
            return _from_record_files(data_dir)
    return _from_tfds(data_dir, dataset)


def _from_record_files(data_dir):
    import tensorflow as tf

    features = {
        "image/encoded": tf.io.FixedLenFeature([], tf.string),
        "image/class/label": tf.io.FixedLenFeature([], tf.int64),
    }

    def parse(record):
        found = tf.io.parse_single_example(record, features)
        label = _checked(found["image/class/label"], 1, _OLD_CLASSES)
        return found["image/encoded"], tf.cast(label - 1, tf.int32)

    def shards(part):
        return _record_files(data_dir, _OLD_SPLITS[part])

    # The labels may be those of a part of ImageNet, and there is no list of classes.
    return ImageSource(shards, parse, classes=None)


def _paths(data_dir, split):
    """Returns the files of a split in the old layout."""
    import tensorflow as tf

    names = sorted(tf.io.gfile.listdir(data_dir))
    return [os.path.join(data_dir, name) for name in names if name.startswith(f"{split}-")]


def _record_files(data_dir, split):
    """Returns the shards of a split in the old layout, all records counted."""
    paths = _paths(data_dir, split)
    totals = {int(found[1]) for path in paths if (found := re.search(r"-of-(\d+)$", path))}
    if not paths or totals - {len(paths)}:
        raise ValueError(
            f"`data_dir` must hold all files {split}-*, e.g. {split}-00000-of-00128. Received: "
            f"{data_dir!r} with {len(paths)} of {max(totals, default='them')}."
        )
    with concurrent.futures.ThreadPoolExecutor(_COUNTING_THREADS) as pool:
        counts = list(pool.map(count_records, paths))
    if not any(counts):
        raise ValueError(
            f"`data_dir` must hold images in its files {split}-*. Received: {data_dir!r}, where "
            "they are empty."
        )
    return [Shard(path, 0, count) for path, count in zip(paths, counts, strict=True) if count]


def _from_tfds(data_dir, dataset):
    import tensorflow as tf

    builder = _prepared_builder(data_dir, dataset)
    import tensorflow_datasets as tfds

    info = builder.info
    image_key, label_key = _image_and_label(info, dataset)
    classes = info.features[label_key].num_classes
    decoders = {image_key: tfds.decode.SkipDecoding()}

    def parse(record):
        found = info.features.deserialize_example(record, decoders=decoders)
        label = _checked(found[label_key], 0, classes - 1)
        return found[image_key], tf.cast(label, tf.int32)

    # Of imagenet2012 and of parts of it, the split "test" has no labels.
    test = ["test"] if not builder.name.startswith("imagenet2012") else []
    splits = {"train": ["train"], "test": [*test, "validation"]}

    def shards(part):
        return _split_files(info, dataset, splits[part])

    return ImageSource(shards, parse, classes)


def _prepared_builder(data_dir, dataset):
    try:
        with extras.explained():
            import tensorflow_datasets as tfds
    except ImportError as error:
        raise ValueError(
            "`data_dir` must be a folder with TFRecord files train-* and validation-* where "
            f"TensorFlow Datasets cannot be imported. Received: {data_dir!r} ({error})."
        ) from error
    with _errors_as_the_users(data_dir, dataset), known_features_only():
        builder = tfds.builder(dataset, data_dir=data_dir)
        features = builder.info.features
    if features is not None:
        _image_and_label(builder.info, dataset)  # before it is downloaded
    with _errors_as_the_users(data_dir, dataset), known_features_only():
        if not builder.is_prepared():
            builder.download_and_prepare()
    if builder.info.file_format != tfds.core.FileFormat.TFRECORD:
        raise ValueError(
            "`dataset` must have been prepared as TFRecord files. Received: "
            f"{dataset!r}, which lies in {builder.data_path} as "
            f"{builder.info.file_format.value} files. Prepare it anew in another `data_dir`, with "
            "`tfds build --file_format=tfrecord`."
        )
    return builder


@contextlib.contextmanager
def _errors_as_the_users(data_dir, dataset):
    """Raises what TensorFlow Datasets raises as errors of the arguments."""
    import tensorflow_datasets as tfds

    try:
        yield
    except tfds.core.DatasetNotFoundError as error:
        close = difflib.get_close_matches(dataset, tfds.list_builders())
        raise ValueError(
            f"`dataset` must be a name of TensorFlow Datasets. Received: {dataset!r}, which is "
            f"neither known to it nor prepared in `data_dir`, {data_dir!r}. "
            f"Names like it: {', '.join(close) or 'none'}."
        ) from error
    except Exception as error:  # TFDS lets through whatever its downloads and files raise
        raise ValueError(
            "`data_dir` must be a folder with TFRecord files train-* and validation-*, or one "
            "where TensorFlow Datasets keeps the images called `dataset`, or can put them. "
            f"Received: {data_dir!r} and {dataset!r}, of which TensorFlow Datasets says: "
            f"{' '.join(str(error).split())}"
        ) from error


def _image_and_label(info, dataset):
    """Returns the names of the features, of a set that has one image and one class a record."""
    import numpy as np
    import tensorflow_datasets as tfds

    keys, kinds = info.supervised_keys, [tfds.features.Image, tfds.features.ClassLabel]
    found = [info.features[key] for key in keys or () if isinstance(key, str)]
    if list(map(type, found)) != kinds or found[0].np_dtype != np.uint8:
        raise ValueError(
            "`dataset` must be of images and a class for each, supervised keys of TensorFlow "
            f"Datasets. Received: {dataset!r}, with the supervised keys {keys} and the features "
            f"{', '.join(info.features)}."
        )
    return keys


def _split_files(info, dataset, names):
    """Returns the shards of the first of these splits that there is."""
    import tensorflow as tf

    name = next((name for name in names if name in info.splits), None)
    if name is None:
        raise ValueError(
            f"`dataset` must have a split called {' or '.join(map(repr, names))}. Received: "
            f"{dataset!r}, with the splits {', '.join(info.splits)}."
        )
    files = info.splits[name].file_instructions
    shards = [Shard(os.fspath(file.filename), file.skip, file.take) for file in files]
    folders = {os.path.dirname(shard.path) for shard in shards}
    there = {os.path.join(folder, n) for folder in folders for n in tf.io.gfile.listdir(folder)}
    missing = [shard.path for shard in shards if shard.path not in there]
    if missing:
        raise ValueError(
            f"`data_dir` must hold all files of the split '{name}'. Received: a folder without "
            f"{len(missing)} of {len(shards)}, the first one {missing[0]}."
        )
    return shards


def _checked(label, least, greatest):
    """Returns the label, in a graph that fails where it is out of range."""
    import tensorflow as tf

    what = f"`data_dir` must hold labels from {least} to {greatest}. Received:"
    tf.debugging.Assert((label >= least) & (label <= greatest), [what, label])
    return label
