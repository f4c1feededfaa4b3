"""Data sets that fit into memory: what turns arrays into reproducible batches."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from state_of_sparsity.arguments import check_integer

EVALUATION_BATCH = 1000
Examples = tuple[np.ndarray, np.ndarray]  # images and labels


class _Batches(keras.utils.PyDataset):
    """Fixed-order batches of arrays; the last one may be smaller."""

    def __init__(self, images, labels, batch_size, prepare=lambda images: images):
        super().__init__()
        self._images, self._labels, self._batch_size = images, labels, batch_size
        self._prepare = prepare

    def __len__(self):
        return -(-len(self._images) // self._batch_size)

    def __getitem__(self, index):
        part = slice(index * self._batch_size, (index + 1) * self._batch_size)
        return self._prepare(self._images[part]), self._labels[part]


class InMemory:
    """Images and labels in memory as a data set.

    Epoch e of the training images is ordered by a permutation drawn from `(seed, e)`; an incomplete
    last batch is dropped.

    Args:
        train: `(images, labels)`, arrays of one length.
        validation: the same, possibly empty: hyper-parameters are chosen on these.
        test: the same.
        batch_size: examples in a training batch, from 1 to all there are.
        seed: seed of the training order and of `augment`, a non-negative integer.
        prepare: callable from a batch of images as they lie in memory to what a network takes;
            None where that is the same.
        augment: callable `(images, generator) -> images` that changes a prepared batch for training
            at random, by a `numpy.random.Generator` of the step's own; None for no change.

    Raises:
        ValueError: if `batch_size` is out of range.

    Example:

    >>> images, labels = np.zeros((10, 8, 8, 1), "float32"), np.zeros(10, "int32")
    >>> data = InMemory((images, labels), (images, labels), (images, labels), batch_size=5)
    >>> next(data.train(first_step=0))[0].shape
    (5, 8, 8, 1)
    """

    def __init__(
        self,
        train: Examples,
        validation: Examples,
        test: Examples,
        batch_size: int,
        seed: int = 0,
        prepare: Callable[[Any], Any] | None = None,
        augment: Callable[[Any, np.random.Generator], Any] | None = None,
    ) -> None:
        self._train, self._validation, self._test = train, validation, test
        examples = len(train[0])
        check_integer("batch_size", batch_size, 1, examples)
        check_integer("seed", seed, 0)
        self.batch_size = batch_size
        self._seed = seed
        self._prepare = prepare or (lambda images: images)
        self._augment = augment

    def train(self, first_step: int = 0, worker: int = 0, workers: int = 1) -> Iterator[Examples]:
        """Yields `(images, labels)` for optimizer steps `first_step`, `first_step + 1`, ..."""
        part = self.batch_size // workers
        images, labels = self._train
        batches_per_epoch = len(images) // self.batch_size
        epoch, skip = divmod(first_step, batches_per_epoch)
        while True:
            order = np.random.default_rng([self._seed, epoch]).permutation(len(images))
            for batch in range(skip, batches_per_epoch):
                start = batch * self.batch_size
                chosen = order[start : start + self.batch_size]
                own = slice(worker * part, (worker + 1) * part)
                if self._augment is None:
                    yield self._prepare(images[chosen[own]]), labels[chosen[own]]
                else:
                    # All of the batch, so that several workers draw what one draws. From 1 on, as
                    # numpy takes [a, b, 0] for [a, b], which the order is drawn from.
                    generator = np.random.default_rng([self._seed, epoch, 1 + batch])
                    whole = self._augment(self._prepare(images[chosen]), generator)
                    yield whole[own], labels[chosen[own]]
            epoch, skip = epoch + 1, 0

    def whole_train(self) -> keras.utils.PyDataset:
        """Returns all that is trained on, in batches of a fixed order and without `augment`."""
        return self._batches(self._train)

    def validation(self) -> keras.utils.PyDataset | None:
        """Returns the validation batches, or None if nothing is held out."""
        return self._batches(self._validation) if len(self._validation[0]) else None

    def test(self) -> keras.utils.PyDataset:
        """Returns the test batches: read once, when a run ends."""
        return self._batches(self._test)

    def _batches(self, examples):
        return _Batches(*examples, EVALUATION_BATCH, self._prepare)


def hold_out(examples: Examples, validation_examples: int, split_seed: int) -> tuple[Examples, ...]:
    """Splits examples into those to train on and those held out, drawn from `split_seed`.

    Args:
        examples: `(images, labels)`, arrays of one length.
        validation_examples: how many to hold out, from 0 to one less than there are.
        split_seed: seed of the split, a non-negative integer.

    Returns:
        Two such pairs, each in the order of `examples`, lest the order of training depends on the
        split.

    Raises:
        ValueError: if `validation_examples` is out of range.
    """
    images, labels = examples
    check_integer("validation_examples", validation_examples, 0, len(images) - 1)
    check_integer("split_seed", split_seed, 0)
    order = np.random.default_rng(split_seed).permutation(len(images))
    parts = np.sort(order[validation_examples:]), np.sort(order[:validation_examples])
    return tuple((images[part], labels[part]) for part in parts)
