"""Data sets in memory whose files are read when they are first used."""

import functools
from collections.abc import Callable, Iterator

import keras

from state_of_sparsity.data.in_memory import Examples, InMemory


class ReadWhenUsed:
    """A data set that reads all it has at its first use, so that a dry run needs no data.

    Args:
        batch_size: examples in a training batch.
        read: callable without arguments that reads the data and returns them as an `InMemory`.

    Example:

    >>> from state_of_sparsity.data.images.digits import Digits
    >>> data = ReadWhenUsed(5, lambda: print("reading") or Digits(batch_size=5))
    >>> next(data.train())[0].shape
    reading
    (5, 8, 8, 1)
    """

    def __init__(self, batch_size: int, read: Callable[[], InMemory]) -> None:
        self.batch_size = batch_size
        self._read = read

    @functools.cached_property
    def _data(self) -> InMemory:
        return self._read()

    def train(self, first_step: int = 0, worker: int = 0, workers: int = 1) -> Iterator[Examples]:
        """Yields `(images, labels)` for optimizer steps `first_step`, `first_step + 1`, ..."""
        return self._data.train(first_step, worker, workers)

    def whole_train(self) -> keras.utils.PyDataset:
        """Returns all that is trained on, in batches of a fixed order and without augmentation."""
        return self._data.whole_train()

    def validation(self) -> keras.utils.PyDataset | None:
        """Returns the validation batches, or None if nothing is held out."""
        return self._data.validation()

    def test(self) -> keras.utils.PyDataset:
        """Returns the test batches: read once, when a run ends."""
        return self._data.test()
