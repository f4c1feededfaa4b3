"""Data sets that fit into memory: what turns arrays into reproducible batches."""

import keras
import numpy as np

EVALUATION_BATCH = 1000


class _Batches(keras.utils.PyDataset):
    """Fixed-order batches of arrays; the last one may be smaller."""

    def __init__(self, images, labels, batch_size):
        super().__init__()
        self._images, self._labels, self._batch_size = images, labels, batch_size

    def __len__(self):
        return -(-len(self._images) // self._batch_size)

    def __getitem__(self, index):
        part = slice(index * self._batch_size, (index + 1) * self._batch_size)
        return self._images[part], self._labels[part]


class InMemory:
    """Images and labels in memory as a data set.

    Epoch e of the training images is ordered by a permutation drawn from `(seed, e)`; an incomplete
    last batch is dropped.

    Args:
        train: `(images, labels)`, arrays of one length.
        validation: the same, possibly empty: hyper-parameters are chosen on these.
        test: the same.
        batch_size: examples in a training batch, from 1 to all there are.
        seed: seed of the training order, a non-negative integer.

    Raises:
        ValueError: if `batch_size` is out of range.

    Example:

    >>> images, labels = np.zeros((10, 8, 8, 1), "float32"), np.zeros(10, "int32")
    >>> data = InMemory((images, labels), (images, labels), (images, labels), batch_size=5)
    >>> next(data.train(first_step=0))[0].shape
    (5, 8, 8, 1)
    """

    def __init__(self, train, validation, test, batch_size, seed=0):
        self._train, self._validation, self._test = train, validation, test
        examples = len(train[0])
        if not 1 <= batch_size <= examples:
            raise ValueError(f"`batch_size` must be from 1 to {examples}. Received: {batch_size}.")
        self.batch_size = batch_size
        self._seed = seed

    def train(self, first_step=0, worker=0, workers=1):
        """Yields `(images, labels)` for optimizer steps `first_step`, `first_step + 1`, ..."""
        part = self.batch_size // workers
        images, labels = self._train
        batches_per_epoch = len(images) // self.batch_size
        epoch, skip = divmod(first_step, batches_per_epoch)
        while True:
            order = np.random.default_rng([self._seed, epoch]).permutation(len(images))
            for batch in range(skip, batches_per_epoch):
                start = batch * self.batch_size + worker * part
                chosen = order[start : start + part]
                yield images[chosen], labels[chosen]
            epoch, skip = epoch + 1, 0

    def validation(self):
        """Returns the validation batches, or None if nothing is held out."""
        return _Batches(*self._validation, EVALUATION_BATCH) if len(self._validation[0]) else None

    def test(self):
        """Returns the test batches: read once, when a run ends."""
        return _Batches(*self._test, EVALUATION_BATCH)
