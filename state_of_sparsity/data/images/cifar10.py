"""CIFAR-10: 50,000 colour images of 32x32 pixels to train on, 10,000 to test on, in 10 classes."""

import functools
import os
import pathlib

import numpy as np

from state_of_sparsity.arguments import check_integer, check_path
from state_of_sparsity.data.in_memory import InMemory, hold_out
from state_of_sparsity.data.read_when_used import ReadWhenUsed
from state_of_sparsity.data.whole_split import read_split

_TRAIN = tuple(f"data_batch_{index}.bin" for index in range(1, 6))
_TEST = ("test_batch.bin",)
# Of the training images: red, green and blue, in levels of 0 to 255.
MEAN = (125.3, 123.0, 113.9)
DEVIATION = (63.0, 62.1, 66.7)


class Cifar10(ReadWhenUsed):
    """CIFAR-10, a fixed part of the training images held out for validation.

    Images are float32 of shape `(32, 32, 3)`, each channel shifted and scaled by the mean and the
    standard deviation of the training images; labels are int32 in 0..9. A training image is moved
    by up to `shift` pixels each way, with zeros (the mean colour) at the border, and mirrored in
    half of the cases, as in He et al. (2015), section 4.2; how, in a step, depends on `seed` alone.
    The held-out images are drawn once, from `split_seed`, whatever the seed of a run. TFDS holds
    the images in another order than the binary files: go on with a run from the kind of source it
    was started with.

    Args:
        data_dir: a folder with the files of the original's binary version (`data_batch_1.bin` to
            `data_batch_5.bin`, `test_batch.bin`), or the `data_dir` of TensorFlow Datasets, where
            `cifar10` lies in its format or is downloaded to; `None` for the place where TFDS keeps
            its data.
        batch_size: examples in a training batch, 1 to `50000 - validation_examples`.
        validation_examples: training images kept for validation, 0 to 49999. With 0 there is no
            validation: for final runs of settings already chosen.
        seed: seed of the training order and of shifts, a non-negative integer.
        shift: pixels that a training image is shifted by at most, 0 to 31; the reference has 4.
        split_seed: seed of the held-out part. Leave it alone when runs are to be compared.

    Raises:
        ValueError: if an argument is out of range; at the first use, if the data cannot be read or
            are too few.

    Example:

    >>> data = Cifar10("data/cifar10", batch_size=32)
    >>> next(data.train())[0].shape
    (32, 32, 32, 3)

    Reference: Krizhevsky (2009), "Learning Multiple Layers of Features from Tiny Images".
    """

    def __init__(
        self,
        data_dir: str | os.PathLike[str] | None = None,
        batch_size: int = 128,
        validation_examples: int = 5000,
        seed: int = 0,
        shift: int = 4,
        split_seed: int = 0,
    ) -> None:
        check_path("data_dir", data_dir)
        check_integer("batch_size", batch_size, 1)
        check_integer("validation_examples", validation_examples, 0)
        check_integer("seed", seed, 0)
        check_integer("shift", shift, 0, 31)
        check_integer("split_seed", split_seed, 0)
        super().__init__(batch_size, self._in_memory)
        self._data_dir, self._validation_examples = data_dir, validation_examples
        self._seed, self._shift, self._split_seed = seed, shift, split_seed

    def _in_memory(self):
        train, test = _read(self._data_dir)
        train, validation = hold_out(train, self._validation_examples, self._split_seed)
        return InMemory(
            *(train, validation, test, self.batch_size, self._seed),
            prepare=standardize,
            augment=functools.partial(shift_and_mirror, shift=self._shift),
        )


def standardize(images: np.ndarray) -> np.ndarray:
    """Returns uint8 images `(n, 32, 32, 3)` as float32: each channel of mean 0, deviation 1."""
    return (images - np.array(MEAN, "float32")) / np.array(DEVIATION, "float32")


def shift_and_mirror(
    images: np.ndarray, generator: np.random.Generator, shift: int = 4
) -> np.ndarray:
    """Returns images shifted by up to `shift` pixels and mirrored at random, each by itself.

    Args:
        images: float array `(n, height, width, channels)`.
        generator: a `numpy.random.Generator`.
        shift: the most pixels up, down, left and right, at least 0.
    """
    count, height, width = images.shape[:3]
    border = ((0, 0), (shift, shift), (shift, shift), (0, 0))
    padded = np.pad(images, border)
    top, left = generator.integers(0, 2 * shift + 1, (2, count))
    mirrored = generator.random(count) < 0.5
    rows = top[:, None] + np.arange(height)
    columns = left[:, None] + np.arange(width)
    columns[mirrored] = columns[mirrored, ::-1]
    example = np.arange(count)[:, None, None]
    return padded[example, rows[:, :, None], columns[:, None, :]]


def _read(data_dir):
    """Returns `(images, labels)` for training and for test."""
    if data_dir is not None:
        data_dir = os.path.expanduser(data_dir)  # TFDS takes `~` for the name of a folder
        folder = pathlib.Path(data_dir)
        if any((folder / name).is_file() for name in (*_TRAIN, *_TEST)):
            return [_from_binary(folder, names) for names in (_TRAIN, _TEST)]
    return [_from_tfds(data_dir, split) for split in ("train", "test")]


def _from_binary(folder, names):
    """Reads files of records: a label byte, then 32x32 red, as many green and blue bytes."""
    records = []
    for name in names:
        if not (folder / name).is_file():
            raise ValueError(
                "`data_dir` must hold all six files of CIFAR-10's binary version. "
                f"Received: {folder}, which has no {name}."
            )
        data = np.fromfile(folder / name, np.uint8)
        if not len(data) or len(data) % 3073 or data[::3073].max() > 9:
            raise ValueError(
                "`data_dir` must hold files of records of 3073 bytes that begin with a label of 0 "
                f"to 9. Received: {folder / name}, {len(data)} bytes. Is it damaged, or of "
                "CIFAR-100?"
            )
        records.append(data.reshape(-1, 3073))
    records = np.concatenate(records)
    images = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), records[:, 0].astype("int32")


def _from_tfds(data_dir, split):
    arrays = read_split("cifar10", split, data_dir, "the six files of CIFAR-10's binary version")
    return arrays["image"], arrays["label"].astype("int32")
