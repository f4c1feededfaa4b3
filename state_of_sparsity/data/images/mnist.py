"""MNIST: 60,000 handwritten digits to train on and 10,000 to test on, of 28x28 grey levels."""

import os
import pathlib

import numpy as np

from state_of_sparsity.arguments import check_integer, check_path
from state_of_sparsity.data.images.idx import read_idx
from state_of_sparsity.data.in_memory import InMemory, hold_out
from state_of_sparsity.data.read_when_used import ReadWhenUsed
from state_of_sparsity.data.whole_split import read_split

_FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


class Mnist(ReadWhenUsed):
    """MNIST, a fixed part of the training images held out for validation.

    Images are float32 of shape `(28, 28, 1)` in [0, 1], labels int32 in 0..9. The held-out images
    are drawn once, from `split_seed`, whatever the seed of a run. TFDS holds the images in another
    order than the idx files: go on with a run from the kind of source it was started with.

    Args:
        data_dir: a folder with the four idx files of the original (`train-images-idx3-ubyte`, ...,
            each gzipped or not), or the `data_dir` of TensorFlow Datasets, where `mnist` lies in
            its format or is downloaded to; `None` for the place where TFDS keeps its data.
        batch_size: examples in a training batch, 1 to `60000 - validation_examples`.
        validation_examples: training images kept for validation, 0 to 59999. With 0 there is no
            validation: for final runs of settings already chosen.
        seed: seed of the training order, a non-negative integer.
        split_seed: seed of the held-out part. Leave it alone when runs are to be compared.

    Raises:
        ValueError: if an argument is out of range; at the first use, if the data cannot be read or
            are too few.

    Example:

    >>> data = Mnist("data/mnist", batch_size=32)
    >>> next(data.train())[0].shape
    (32, 28, 28, 1)

    Reference: LeCun, Bottou, Bengio, Haffner (1998), "Gradient-based learning applied to document
    recognition".
    """

    def __init__(
        self,
        data_dir: str | os.PathLike[str] | None = None,
        batch_size: int = 100,
        validation_examples: int = 10_000,
        seed: int = 0,
        split_seed: int = 0,
    ) -> None:
        check_path("data_dir", data_dir)
        check_integer("batch_size", batch_size, 1)
        check_integer("validation_examples", validation_examples, 0)
        check_integer("seed", seed, 0)
        check_integer("split_seed", split_seed, 0)
        super().__init__(batch_size, self._in_memory)
        self._data_dir, self._validation_examples = data_dir, validation_examples
        self._seed, self._split_seed = seed, split_seed

    def _in_memory(self):
        train, test = _read(self._data_dir)
        train, validation = hold_out(train, self._validation_examples, self._split_seed)
        return InMemory(train, validation, test, self.batch_size, self._seed)


def _read(data_dir):
    """Returns `(images, labels)` for training and for test."""
    if data_dir is not None:
        data_dir = os.path.expanduser(data_dir)  # TFDS takes `~` for the name of a folder
        folder = pathlib.Path(data_dir)
        if any(_idx_path(folder, name) for names in _FILES.values() for name in names):
            return [_from_idx(folder, *names) for names in _FILES.values()]
    return [_from_tfds(data_dir, split) for split in _FILES]


def _idx_path(folder, name):
    candidates = (folder / name, folder / f"{name}.gz")
    return next((path for path in candidates if path.is_file()), None)


def _from_idx(folder, *names):
    paths = [_idx_path(folder, name) for name in names]
    if None in paths:
        raise ValueError(
            f"`data_dir` must hold all four idx files of MNIST. Received: {folder}, which has no "
            f"{names[paths.index(None)]} or {names[paths.index(None)]}.gz."
        )
    images, labels = map(read_idx, paths)
    if images.shape[1:] != (28, 28) or labels.shape != images.shape[:1]:
        raise ValueError(
            "`data_dir` must hold images of 28x28 and a label for each. Received: arrays of shapes "
            f"{images.shape} and {labels.shape} in {folder}, {names[0]} and {names[1]}."
        )
    return _as_floats(images[..., None], labels)


def _from_tfds(data_dir, split):
    arrays = read_split("mnist", split, data_dir, "the four idx files of MNIST")
    return _as_floats(arrays["image"], arrays["label"])


def _as_floats(images, labels):
    return (images / np.float32(255)).astype("float32"), labels.astype("int32")
