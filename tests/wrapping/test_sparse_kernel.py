"""One kernel, dense or sparse: what is present, what it computes with, how it is scored."""

import keras
import numpy as np

import state_of_sparsity as sos
from state_of_sparsity.surgery.structure import model_kernels

MASK = np.array([[1, 0, 1], [0, 0, 1]], bool)


def kernels(wrapper):
    return model_kernels(keras.Sequential([keras.Input((2,)), wrapper, keras.layers.Dense(1)]))


def test_a_kernel_that_a_wrapper_acts_on():
    wrapper = sos.FixedMask(keras.layers.Dense(3, name="hidden"), MASK)
    kernel, _ = kernels(wrapper)
    assert (kernel.path, kernel.name, kernel.shape) == ("hidden/kernel", "kernel", (2, 3))
    assert kernel.wrapper is wrapper and kernel.owner is wrapper.layer
    np.testing.assert_array_equal(kernel.mask(), MASK)
    np.testing.assert_array_equal(kernel.values(), np.where(MASK, kernel.variable.numpy(), 0))
    assert wrapper.sparse_kernels[0].wrapper is wrapper  # what techniques are handed says so too


def test_a_dense_kernel():
    _, kernel = kernels(keras.layers.Dense(3))
    assert kernel.wrapper is None
    np.testing.assert_array_equal(kernel.mask(), np.ones((3, 1), bool))
    np.testing.assert_array_equal(kernel.values(), kernel.variable.numpy())


def test_the_scores_of_a_scheduled_technique():
    kernel, _ = kernels(sos.MagnitudePruning(keras.layers.Dense(3), lambda step: (False, 0.0)))
    np.testing.assert_array_equal(kernel.scores(), np.abs(kernel.variable.numpy()))


def test_kernels_are_told_apart_by_what_they_are():
    first, second = kernels(keras.layers.Dense(3))
    assert first != second and len({first, second}) == 2
