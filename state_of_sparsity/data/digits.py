"""The handwritten digits that scikit-learn ships: 1797 real 8x8 images, nothing to download."""

import keras
import numpy as np

VALIDATION_EXAMPLES = 360
TEST_EXAMPLES = 360


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


class Digits:
    """Handwritten digits, split 1077 / 360 / 360 into training, validation and test images.

    Images are float32 of shape `(8, 8, 1)` in [0, 1], labels int32 in 0..9. Epoch e of the training
    images is ordered by a permutation drawn from `(seed, e)`; an incomplete last batch is dropped.

    Args:
        batch_size: examples in a training batch, 1 to 1077.
        seed: seed of the training order, a non-negative integer.
        split_seed: seed of the split. Leave it alone when runs are to be compared.

    Raises:
        ValueError: if `batch_size` is out of range.

    Example:

    >>> images, labels = next(Digits(batch_size=32).train(first_step=0))
    >>> images.shape, labels.shape
    ((32, 8, 8, 1), (32,))

    Reference:
        UCI "Optical Recognition of Handwritten Digits", Alpaydin and Kaynak (1998).
    """

    def __init__(self, batch_size=64, seed=0, split_seed=0):
        # Slow to import, and not needed by those who only import this module.
        from sklearn.datasets import load_digits

        digits = load_digits()
        images = (digits.images / 16.0).astype("float32")[..., None]
        labels = digits.target.astype("int32")
        order = np.random.default_rng(split_seed).permutation(len(images))
        splits = np.split(order, [TEST_EXAMPLES, TEST_EXAMPLES + VALIDATION_EXAMPLES])
        self._test, self._validation, self._train = [(images[i], labels[i]) for i in splits]
        examples = len(self._train[0])
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
        """Returns the validation batches: hyper-parameters are chosen on these."""
        return _Batches(*self._validation, batch_size=VALIDATION_EXAMPLES)

    def test(self):
        """Returns the test batches: read once, when a run ends."""
        return _Batches(*self._test, batch_size=TEST_EXAMPLES)
