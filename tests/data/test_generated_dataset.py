"""Data sets of generators: shapes, and no thread to wait for at the end."""

import numpy as np
import tensorflow as tf

from state_of_sparsity.data.generated_dataset import generated_dataset
from state_of_sparsity.data.images.digits import Digits
from state_of_sparsity.training.devices.strategies import Strategy


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


def test_other_dimensions_may_differ_where_the_first_two_batches_do():
    def wider():
        yield from ((np.ones((2, n, 3), "float32"), None) for n in (4, 5, 6))

    found = [x.shape for (x,) in generated_dataset(wider, static_batch=False)]
    assert found == [(2, 4, 3), (2, 5, 3), (2, 6, 3)]
    (spec,) = generated_dataset(wider, static_batch=True).element_spec
    assert spec.shape.as_list() == [2, None, 3]


def test_training_data_of_one_device_are_not_tuned():
    dataset = Strategy().batches(Digits(batch_size=32), 0)
    assert not dataset.options().autotune.enabled
    images, _ = next(iter(dataset))
    np.testing.assert_array_equal(images, next(Digits(batch_size=32).train(0))[0])
