"""Writes made-up images as ImageNet's records, to try everything that reads ImageNet without it.

    python launch/make_image_records.py --output_dir=data/made_up --images=2000

Each class has its colours and stripes, so that there is something to learn. With --layout=tfds the
folder is a `data_dir` of TensorFlow Datasets, where `imagenet2012` seems to be prepared; with
--layout=tfrecords it has the files train-* and validation-* that TPU models read. The same flags
write the same images.
"""

import argparse
import io
import os
import pathlib
import shutil
import sys
import time
import typing

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

DATASET = "imagenet2012"
ALL_CLASSES = 1000
FILES = 4  # of each split
NOISE = 20.0  # with it a JPEG has about as many bytes a pixel as one of ImageNet
QUALITY = 90


class ImageRecord(typing.NamedTuple):
    """A JPEG file, its name, and its class from 0 on."""

    file_name: str
    jpeg: bytes
    label: int


def draw(label, height, width, generator):
    """Returns a picture: stripes and a disc in the class's two colours, and noise.

    Args:
        label: the class, which decides on colours, width and direction of the stripes.
        height: in pixels.
        width: in pixels.
        generator: a `np.random.Generator`, for all else.

    Returns:
        A uint8 array of shape `(height, width, 3)`.
    """
    of_class = np.random.default_rng(label)
    colours = of_class.integers(40, 216, (2, 3)).astype("float32")
    angle, waves = of_class.uniform(0, np.pi), of_class.uniform(2, 10)
    longer = max(height, width)
    rows = np.arange(height, dtype="float32")[:, None] / longer
    columns = np.arange(width, dtype="float32")[None] / longer
    along = columns * np.cos(angle) + rows * np.sin(angle)
    stripes = np.sin(2 * np.pi * (waves * along + generator.uniform())) > 0
    row, column, radius = generator.uniform((0.2, 0.2, 0.1), (0.8, 0.8, 0.4))
    disc = (rows - row * rows[-1]) ** 2 + (columns - column * columns[0, -1]) ** 2 < radius**2
    image = np.where((stripes ^ disc)[..., None], *colours)
    image += NOISE * generator.standard_normal(image.shape, dtype="float32")
    return np.clip(image, 0, 255).astype("uint8")


def make_images(split, images, classes, sizes, seed):
    """Yields `ImageRecord`s of a split, the classes in turns, each round beginning with the next.

    Args:
        split: "train" or "validation".
        images: how many.
        classes: how many classes there are, 1 to 1000.
        sizes: the least and the greatest height and width, in pixels.
        seed: a non-negative integer.
    """
    import tensorflow as tf

    for index in range(images):
        generator = np.random.default_rng([seed, split == "validation", index])
        height, width = generator.integers(sizes[0], sizes[1] + 1, 2)
        label = (index + index // classes) % classes
        image = draw(label, height, width, generator)
        jpeg = tf.io.encode_jpeg(image, quality=QUALITY).numpy()
        yield ImageRecord(f"made_up_{split}_{index:08d}.JPEG", jpeg, label)


def write_tfds(folder, splits):
    """Writes splits as TensorFlow Datasets keeps imagenet2012, under a temporary name until done.

    Args:
        folder: the `data_dir` of TensorFlow Datasets.
        splits: `{split: iterable of ImageRecord}`, at least 4 records each.

    Raises:
        FileExistsError: if `imagenet2012` is there already.
    """
    import tensorflow_datasets as tfds

    real = tfds.builder(DATASET, data_dir=folder)
    if real.is_prepared():
        raise FileExistsError(f"{real.data_path} holds images already")

    def examples(records):
        for record in records:
            image = io.BytesIO(record.jpeg)
            features = {"image": image, "label": record.label, "file_name": record.file_name}
            yield record.file_name, features

    tfds.disable_progress_bar()
    tfds.dataset_builders.store_as_tfds_dataset(
        name=DATASET,
        version=str(real.version),
        features=real.info.features,
        split_datasets={split: examples(records) for split, records in splits.items()},
        data_dir=folder,
        description="Made-up images in the format of ImageNet.",
        download_config=tfds.download.DownloadConfig(num_shards=FILES),
    )


def write_tfrecords(folder, splits):
    """Writes splits as TFRecord files `train-*` and `validation-*`, all at once or none.

    Args:
        folder: where to; is made.
        splits: `{split: iterable of ImageRecord}`.

    Raises:
        FileExistsError: if the folder has anything in it.
    """
    folder = pathlib.Path(folder).resolve()
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty")
    temporary = folder.with_name(f".tmp-{os.getpid()}-{folder.name}")
    temporary.mkdir(parents=True)
    try:
        for split, records in splits.items():
            write_record_files(temporary, split, records)
        os.replace(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_record_files(folder, split, records):
    """Writes the files of one split, records in turns."""
    import tensorflow as tf

    names = [f"{split}-{index:05d}-of-{FILES:05d}" for index in range(FILES)]
    writers = [tf.io.TFRecordWriter(os.fspath(folder / name)) for name in names]
    for index, record in enumerate(records):
        image = tf.train.Feature(bytes_list=tf.train.BytesList(value=[record.jpeg]))
        label = tf.train.Feature(int64_list=tf.train.Int64List(value=[record.label + 1]))
        features = {"image/encoded": image, "image/class/label": label}
        example = tf.train.Example(features=tf.train.Features(feature=features))
        writers[index % FILES].write(example.SerializeToString())
    for writer in writers:
        writer.close()


LAYOUTS = {"tfds": write_tfds, "tfrecords": write_tfrecords}


def with_progress(records, total, label):
    """Yields records, and says on stderr every few seconds how many there were."""
    begin = said = time.monotonic()
    for done, record in enumerate(records, 1):
        yield record
        now = time.monotonic()
        if now - said > 2 or done == total:
            left = (now - begin) / done * (total - done)
            print(f"{label} {done}/{total}  ETA {left:.0f} s", file=sys.stderr, flush=True)
            said = now


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output_dir", required=True, help="folder to write to")
    parser.add_argument("--images", type=int, default=2000, help="to train on; at least 4")
    parser.add_argument("--validation_images", type=int, default=200, help="at least 4")
    parser.add_argument("--classes", type=int, default=10, help="that occur, of the 1000")
    parser.add_argument("--size", default="300,500", help="least and greatest side in pixels")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--layout", choices=LAYOUTS, default="tfds")
    options = parser.parse_args()
    try:
        options.size = least, greatest = tuple(map(int, options.size.split(",")))
    except ValueError:
        parser.error(f"--size must be two numbers, as in 300,500. Received: {options.size}.")
    if not 8 <= least <= greatest:
        parser.error(f"--size must be from 8 on, the least first. Received: {options.size}.")
    if not 1 <= options.classes <= ALL_CLASSES:
        parser.error(f"--classes must be from 1 to {ALL_CLASSES}. Received: {options.classes}.")
    if min(options.images, options.validation_images) < FILES:
        parser.error(f"--images and --validation_images must be at least {FILES}, one a file.")
    if options.seed < 0:
        parser.error(f"--seed must not be negative. Received: {options.seed}.")
    return options


def main():
    options = parse()
    counts = {"train": options.images, "validation": options.validation_images}
    splits = {}
    for split, count in counts.items():
        images = make_images(split, count, options.classes, options.size, options.seed)
        splits[split] = with_progress(images, count, split)
    folder = os.path.expanduser(options.output_dir)
    try:
        LAYOUTS[options.layout](folder, splits)
    except FileExistsError as error:
        sys.exit(f"Error: {error}. Give another --output_dir, or delete it first.")
    print(
        f"Wrote {counts['train']} images to train on and {counts['validation']} to test on, of "
        f"{options.classes} classes. Read them with ImageNet(data_dir={folder!r})."
    )


if __name__ == "__main__":
    main()
