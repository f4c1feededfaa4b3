"""The batches of a split that evaluation reads again and again, training data too."""

import itertools
from collections.abc import Iterator
from typing import Any

import keras


class _Kept(keras.utils.PyDataset):
    """Batches held in memory."""

    def __init__(self, batches):
        super().__init__()
        self._batches = batches

    def __len__(self):
        return len(self._batches)

    def __getitem__(self, index):
        return self._batches[index]


def of_split(data: Any, split: str, train_batches: int) -> tuple[Any, str]:
    """Returns the batches of a split, and what they are in words; None where there is none.

    Of a data set that cannot give all it trains on as evaluation would see it (`whole_train`), the
    training split is its first training batches, as they are trained on.

    Args:
        data: a data set as `state_of_sparsity.data` describes.
        split: one of `data.SPLITS`.
        train_batches: how many training batches stand for such a training split.
    """
    if split != "train":
        batches = getattr(data, split)()
        return batches, "" if batches is None else f"{_count(batches):,} examples"
    if hasattr(data, "whole_train"):
        batches = data.whole_train()
        return batches, f"{_count(batches):,} examples, all that are trained on, not augmented"
    batches = _first(data, train_batches)
    if not hasattr(batches, "element_spec"):
        batches = _Kept(list(batches))
    count = f"{_count(batches):,} examples of the first {train_batches:,} training batches"
    return batches, f"{count}, augmented where training augments"


def training_inputs(data: Any, count: int) -> Iterator[Any]:
    """Yields the inputs of the first batches that training would take.

    Args:
        data: a data set as `state_of_sparsity.data` describes.
        count: how many batches.
    """
    return (batch[0] for batch in _first(data, count))


def _first(data, count):
    batches = data.train()
    if not hasattr(batches, "element_spec"):
        return itertools.islice(batches, count)
    import tensorflow as tf

    # Keras warns at the end of data whose number it does not know.
    return batches.take(count).apply(tf.data.experimental.assert_cardinality(count))


def _count(batches):
    is_indexed = isinstance(batches, keras.utils.PyDataset)
    read = (batches[i] for i in range(len(batches))) if is_indexed else batches
    return sum(int(batch[1].shape[0]) for batch in read)
