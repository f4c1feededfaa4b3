"""Data sets of generators: shapes, and no thread to wait for at the end."""

import numpy as np
import tensorflow as tf

from state_of_sparsity.data.generated_dataset import generated_dataset


def batches():
    for n in (4, 4, 3):
        yield {"x": np.full((n, 2), n, "float32")}, np.arange(n)


def test_batches_come_as_they_are():
    found = list(generated_dataset(batches, static_batch=False))
    assert [len(y) for _, y in found] == [4, 4, 3]
    np.testing.assert_array_equal(found[2][0]["x"], np.full((3, 2), 3.0))


def test_the_shape_of_a_batch_is_known_where_it_is_asked_for():
    def two():
        return iter(list(batches())[:2])

    inputs, labels = generated_dataset(two, static_batch=True).element_spec
    assert (inputs["x"].shape, labels.shape) == ((4, 2), (4,))
    inputs, labels = generated_dataset(two, static_batch=False).element_spec
    assert (inputs["x"].shape.as_list(), labels.shape.as_list()) == ([None, 2], [None])


def test_nothing_tunes_the_data_set():
    dataset = generated_dataset(batches, static_batch=False)
    assert isinstance(dataset, tf.data.Dataset) and not dataset.options().autotune.enabled
