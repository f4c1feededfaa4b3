import itertools

import numpy as np
import pytest
import tensorflow as tf

from state_of_sparsity.data.images.digits import Digits
from state_of_sparsity.data.in_memory import InMemory
from state_of_sparsity.training import split_batches


def _batches():
    return ((np.full((2, 3), i), np.full(2, i)) for i in itertools.count())


class Streamed:
    """A data set that cannot give all it trains on; batch i is of i."""

    def __init__(self, as_dataset):
        self._as_dataset = as_dataset

    def train(self, first_step=0):
        if not self._as_dataset:
            return _batches()
        signature = tf.TensorSpec((2, 3), "int64"), tf.TensorSpec((2,), "int64")
        return tf.data.Dataset.from_generator(_batches, output_signature=signature)

    def validation(self):
        return None


def test_splits_of_data_in_memory():
    data = Digits()
    for split, count in (("train", 1077), ("validation", 360), ("test", 360)):
        batches, said = split_batches.of_split(data, split, 5)
        assert sum(len(batches[i][1]) for i in range(len(batches))) == count
        assert said.startswith(f"{count:,} examples")


def test_all_training_data_are_not_augmented():
    images, labels = np.arange(12, dtype="float32").reshape(6, 2), np.arange(6)
    part = images, labels
    changed = {"prepare": lambda x: 2 * x, "augment": lambda x, generator: x + 100}
    data = InMemory(part, part, part, batch_size=4, **changed)
    batches, said = split_batches.of_split(data, "train", 1)
    found = np.concatenate([batches[i][0] for i in range(len(batches))])
    np.testing.assert_array_equal(found, 2 * images)
    assert "not augmented" in said


@pytest.mark.parametrize("as_dataset", [False, True])
def test_first_batches_stand_for_training_data_that_are_streamed(as_dataset):
    batches, said = split_batches.of_split(Streamed(as_dataset), "train", 3)
    for _ in range(2):  # they can be read again
        read = batches if as_dataset else (batches[i] for i in range(len(batches)))
        assert [int(labels[0]) for _, labels in read] == [0, 1, 2]
    assert said.startswith("6 examples of the first 3 training batches")


@pytest.mark.parametrize("as_dataset", [False, True])
def test_inputs_of_training(as_dataset):
    inputs = split_batches.training_inputs(Streamed(as_dataset), 2)
    assert [int(x[0, 0]) for x in inputs] == [0, 1]


def test_a_split_that_is_not_there():
    assert split_batches.of_split(Streamed(False), "validation", 1) == (None, "")
