"""Batches that replicas can share."""

import keras
import numpy as np
import pytest

from state_of_sparsity.data.in_memory import _Batches
from state_of_sparsity.training.devices.even_batches import even_batches
from state_of_sparsity.training.devices.strategy_error import StrategyError


def batches(kind, examples, batch_size):
    x, y = np.arange(examples * 2.0).reshape(examples, 2), np.arange(examples)
    if kind == "PyDataset":
        return _Batches(x, y, batch_size)
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices((x, y)).batch(batch_size)


def labels(batches):
    if isinstance(batches, keras.utils.PyDataset):
        batches = [batches[index] for index in range(len(batches))]
    found = []
    for x, y in batches:
        assert len(x) == len(y) and np.array_equal(np.asarray(x)[:, 0], 2 * np.asarray(y))
        found.append(np.asarray(y).tolist())
    return found


@pytest.mark.parametrize("kind", ["PyDataset", "tf.data"])
def test_the_last_batch_is_cut(kind):
    assert labels(even_batches(batches(kind, 7, 4), 2)) == [[0, 1, 2, 3], [4, 5]]
    assert labels(even_batches(batches(kind, 5, 4), 2)) == [[0, 1, 2, 3]]
    assert labels(even_batches(batches(kind, 8, 4), 2)) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert labels(even_batches(batches(kind, 7, 4), 1)) == [[0, 1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize("examples", [5, 7])
@pytest.mark.parametrize("kind", ["PyDataset", "tf.data"])
def test_keras_evaluates_without_a_warning(kind, examples):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(loss="mse")
    assert np.isfinite(model.evaluate(even_batches(batches(kind, examples, 4), 2), verbose=0))


@pytest.mark.parametrize("replicas", [1, 2])
def test_without_batches_there_is_nothing_to_share(replicas):
    assert even_batches(None, replicas) is None


def test_what_cannot_be_shared():
    with pytest.raises(StrategyError, match=r"must return a keras.utils.PyDataset.*generator"):
        even_batches((batch for batch in []), 2)
    for kind in ("PyDataset", "tf.data"):
        with pytest.raises(StrategyError, match="batches of at least 8 examples"):
            even_batches(batches(kind, 7, 4), 8)
