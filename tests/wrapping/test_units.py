"""Which axes of a kernel are units, told from what zeros do to a layer's inputs and outputs."""

import keras
import numpy as np
import pytest

from state_of_sparsity.wrapping.kernels import find_kernels
from state_of_sparsity.wrapping.units import gate_shape, units_left

layers = keras.layers
# A layer, the shape of its input, and the shape of its gates with one a unit.
KINDS = {
    "dense": (layers.Dense(3), (2, 5), (5, 1)),
    "embedding": (layers.Embedding(7, 3), (2, 5), (7, 1)),
    "convolution": (layers.Conv2D(4, 3), (2, 8, 8, 3), (1, 1, 1, 4)),
    "grouped convolution": (layers.Conv1D(6, 3, groups=3), (2, 9, 6), (1, 1, 6)),
    "transposed": (layers.Conv2DTranspose(4, 3), (2, 8, 8, 3), (1, 1, 4, 1)),
    "depthwise": (
        layers.DepthwiseConv2D(3, depth_multiplier=2),
        (2, 8, 8, 3),
        (1, 1, 3, 2),
    ),
    "einsum to heads": (
        layers.EinsumDense("abc,cde->abde", output_shape=(5, 2, 4)),
        (2, 5, 6),
        (6, 1, 1),
    ),
    "einsum from heads": (
        layers.EinsumDense("abcd,cde->abe", output_shape=(5, 4)),
        (2, 5, 6, 3),
        (6, 3, 1),
    ),
    "einsum with an ellipsis": (
        layers.EinsumDense("...x,xy->...y", output_shape=(4,)),
        (2, 5, 6),
        (6, 1),
    ),
}
FEEDING = ("convolution", "grouped convolution", "transposed", "depthwise")


def built(name):
    layer, shape, expected = KINDS[name]
    layer = type(layer).from_config(layer.get_config())
    inputs = np.random.default_rng(0).integers(1, 7, shape).astype("float32")
    layer(inputs)
    (kernel,) = find_kernels(layer)
    return layer, inputs, kernel, expected


@pytest.mark.parametrize("name", KINDS)
def test_the_shape_of_the_gates(name):
    _, _, kernel, expected = built(name)
    assert gate_shape(kernel, "unit") == expected
    assert gate_shape(kernel, None) == tuple(kernel.variable.shape)


@pytest.mark.parametrize("name", [name for name in KINDS if name not in FEEDING])
def test_a_shut_gate_makes_one_input_unit_irrelevant(name):
    layer, inputs, kernel, shape = built(name)
    gates = np.ones(shape, "float32")
    gates.reshape(-1)[0] = 0
    kernel.variable.assign(kernel.variable * gates)
    other = inputs.copy()
    if name == "embedding":
        inputs, other = np.zeros((1, 1)), None
        assert not np.any(np.asarray(layer(inputs)))  # word 0 has no vector any more
        return
    axes = shape[: np.count_nonzero(np.array(shape) > 1)]
    other.reshape(-1, *axes)[(slice(None),) + (0,) * len(axes)] += 5
    np.testing.assert_array_equal(np.asarray(layer(inputs)), np.asarray(layer(other)))


@pytest.mark.parametrize("name", FEEDING)
def test_a_shut_gate_silences_one_filter(name):
    layer, inputs, kernel, shape = built(name)
    gates = np.ones(shape, "float32")
    gates.reshape(-1)[1] = 0
    kernel.variable.assign(kernel.variable * gates)
    outputs = np.asarray(layer(inputs))
    silent = [not np.any(outputs[..., channel]) for channel in range(outputs.shape[-1])]
    assert silent == [channel == 1 for channel in range(outputs.shape[-1])]


def test_units_left_are_those_with_a_weight():
    _, _, kernel, _ = built("convolution")
    values = np.zeros(kernel.variable.shape, "float32")
    assert units_left(kernel, values) == (0, 0)
    values[0, 1, 2, 3] = values[2, 2, 2, 1] = -1.0
    assert units_left(kernel, values) == (1, 2)
    _, _, kernel, _ = built("dense")
    assert units_left(kernel, np.eye(5, 3)) == (3, 3)


def test_separable_convolutions_have_two_kernels_of_different_kinds():
    layer = layers.SeparableConv2D(4, 3)
    layer.build((None, 8, 8, 3))
    depthwise, pointwise = find_kernels(layer)
    assert gate_shape(depthwise, "unit") == (1, 1, 3, 1)
    assert gate_shape(pointwise, "unit") == (1, 1, 1, 4)


class Cube(layers.Layer):
    def build(self, shape):
        self.cube = self.add_weight(shape=(2, 3, 4), name="cube")


@pytest.mark.parametrize("layer", [layers.ConvLSTM1D(2, 3), Cube()])
def test_kernels_whose_units_are_not_known(layer):
    layer.build((None, 4, 8, 3))
    kernel = find_kernels(layer)[0]
    name = kernel.variable.name
    with pytest.raises(ValueError, match=rf"units of the kernel '{name}' of shape.*group=None"):
        gate_shape(kernel, "unit")
    assert units_left(kernel, kernel.variable.numpy()) == (None, None)


def test_counts_that_columns_do_not_give():
    _, _, kernel, _ = built("grouped convolution")  # a group's channels stand for all groups'
    assert units_left(kernel, kernel.variable.numpy()) == (None, 6)
    layer = layers.LSTM(3)
    layer.build((None, 4, 5))
    kernel = find_kernels(layer)[0]  # four columns a unit
    assert units_left(kernel, kernel.variable.numpy()) == (5, None)
