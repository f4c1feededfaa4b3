"""What the axes of a kernel are for, told from what one weight does to a layer's outputs."""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import pytest

from state_of_sparsity.wrapping.kernel_axes import kernel_axes
from state_of_sparsity.wrapping.kernels import find_kernels
from state_of_sparsity.wrapping.linear_layers import is_linear

layers = keras.layers
STATE = np.random.default_rng(1).uniform(0.2, 0.8, (9, 3)).astype("float32")
MAPS = np.random.default_rng(2).uniform(0.2, 0.8, (9, 4, 3)).astype("float32")


@dataclass
class Case:
    """A layer, of which kernel, and which axes of its inputs and outputs are features.

    `call(layer, inputs)` runs it; `fill` gives values to kernels that are not looked at.
    """

    layer: keras.layers.Layer
    shape: tuple
    reads: tuple = (-1,)
    writes: tuple = (-1,)
    kernel: str = "kernel"
    call: Callable = lambda layer, inputs: layer(inputs)
    fill: Callable = lambda layer: None


def looked_up(layer, weights):
    """Every row where `weights` is not zero, which is what a row's input feature is."""
    return layer(np.arange(5)[None]) * (weights != 0)[..., None]


def pointwise_identity(layer):
    layer.pointwise_kernel.assign(np.eye(6, dtype="float32").reshape(layer.pointwise_kernel.shape))


CASES = {
    "dense": Case(layers.Dense(4), (3,)),
    "dense on positions": Case(layers.Dense(4), (2, 3)),
    "embedding": Case(layers.Embedding(5, 3), (5,), kernel="embeddings", call=looked_up),
    "tied embedding": Case(
        layers.ReversibleEmbedding(5, 3), (5,), kernel="embeddings", call=looked_up
    ),
    "untied projection": Case(
        layers.ReversibleEmbedding(5, 3, tie_weights=False),
        (2, 3),
        kernel="reverse_embeddings",
        call=lambda layer, inputs: layer(inputs, reverse=True),
    ),
    "conv 1d": Case(layers.Conv1D(4, 2), (5, 3)),
    "conv 2d": Case(layers.Conv2D(4, (2, 3), strides=2), (5, 5, 2)),
    "conv 3d": Case(layers.Conv3D(3, (2, 1, 2)), (3, 3, 3, 2)),
    "conv 1d, dilated": Case(layers.Conv1D(4, 2, dilation_rate=2, padding="same"), (5, 3)),
    "grouped": Case(layers.Conv1D(6, 2, groups=3), (4, 6)),
    "transposed 1d": Case(layers.Conv1DTranspose(4, 2), (3, 3)),
    "transposed 2d": Case(layers.Conv2DTranspose(4, 2, strides=2), (3, 3, 3)),
    "transposed 3d": Case(layers.Conv3DTranspose(3, (2, 1, 2)), (2, 2, 2, 2)),
    "depthwise 1d": Case(layers.DepthwiseConv1D(2, depth_multiplier=2), (4, 3)),
    "depthwise 2d": Case(layers.DepthwiseConv2D((2, 3), depth_multiplier=2), (4, 4, 3)),
    "separable, depthwise": Case(
        layers.SeparableConv2D(6, 2, depth_multiplier=2),
        (4, 4, 3),
        kernel="depthwise_kernel",
        fill=pointwise_identity,
    ),
    "separable, pointwise": Case(layers.SeparableConv1D(4, 2), (4, 3), kernel="pointwise_kernel"),
    "einsum to heads": Case(
        layers.EinsumDense("abc,cde->abde", output_shape=(2, 2, 4)), (2, 3), writes=(-2, -1)
    ),
    "einsum from heads": Case(
        layers.EinsumDense("abcd,cde->abe", output_shape=(2, 4)), (2, 2, 3), reads=(-2, -1)
    ),
    "einsum with an ellipsis": Case(layers.EinsumDense("...x,yx->...y", output_shape=(4,)), (2, 3)),
    "einsum, batch-like": Case(
        layers.EinsumDense("abc,bcd->abd", output_shape=(2, 4)), (2, 3), (1, 2), (1, 2)
    ),
    "simple rnn": Case(layers.SimpleRNNCell(3), (4,), call=lambda c, x: c(x, [STATE[: len(x)]])[0]),
    "simple rnn, recurrent": Case(
        layers.SimpleRNNCell(3),
        (3,),
        kernel="recurrent_kernel",
        call=lambda cell, state: cell(STATE[: len(state)], [state])[0],
    ),
    "lstm": Case(
        layers.LSTMCell(3), (2,), call=lambda c, x: c(x, [STATE[: len(x)], STATE[: len(x)]])[0]
    ),
    "lstm, recurrent": Case(
        layers.LSTMCell(3),
        (3,),
        kernel="recurrent_kernel",
        call=lambda cell, state: cell(STATE[: len(state)], [state, STATE[: len(state)]])[0],
    ),
    "gru": Case(layers.GRUCell(3), (2,), call=lambda c, x: c(x, [STATE[: len(x)]])[0]),
    "gru, recurrent": Case(
        layers.GRUCell(3),
        (3,),
        kernel="recurrent_kernel",
        call=lambda cell, state: cell(STATE[: len(state)], [state])[0],
    ),
    "recurrent convolution": Case(
        layers.ConvLSTM1D(3, 2, padding="same").cell,
        (4, 2),
        call=lambda cell, x: cell(x, [MAPS[: len(x)], MAPS[: len(x)]])[0],
    ),
}
# Linear in a kernel, which no recurrent cell is, nor a layer of two kernels.
NOT_LINEAR = ("separable", "simple rnn", "lstm", "gru", "recurrent")


def built(name):
    case = CASES[name]
    inputs = np.random.default_rng(0).uniform(0.2, 0.8, (1, *case.shape)).astype("float32")
    if not case.layer.built:
        case.layer.build(inputs.shape)
    case.fill(case.layer)
    (kernel,) = (k for k in find_kernels(case.layer) if k.variable.name == case.kernel)
    return case, kernel, inputs


def features(array, axes):
    """Returns an array of booleans: which features, along `axes`, are anywhere not zero."""
    axes = tuple(axis % array.ndim for axis in axes)
    others = tuple(axis for axis in range(array.ndim) if axis not in axes)
    return np.any(np.abs(array) > 1e-6, axis=others)


def what_weights_do(case, kernel, inputs):
    """Returns for each index of the kernel the feature it reads and the feature it writes."""
    axes = tuple(axis % inputs.ndim for axis in case.reads)
    sizes = [inputs.shape[axis] for axis in axes]
    alone = []  # the inputs with one feature left, for each
    for feature in np.ndindex(*sizes):
        kept = np.zeros(sizes)
        kept[feature] = 1
        shape = [size if axis in axes else 1 for axis, size in enumerate(inputs.shape)]
        alone.append(inputs * kept.reshape(shape))
    batch = np.concatenate([inputs, *alone]).astype("float32")
    values = kernel.variable.numpy()
    before = np.asarray(case.call(case.layer, batch))
    found = {}
    for index in np.ndindex(*values.shape):
        moved = values.copy()
        moved[index] += 0.5
        kernel.variable.assign(moved)
        change = np.asarray(case.call(case.layer, batch)) - before
        written = np.argwhere(features(change[:1], case.writes))
        read = np.flatnonzero([features(each, (0,)).any() for each in change[1:]])
        found[index] = [tuple(map(int, read)), tuple(map(tuple, written.tolist()))]
    kernel.variable.assign(values)
    return found


def along(index, axes):
    return tuple(index[axis] for axis in axes)


@pytest.mark.parametrize("name", CASES)
def test_what_one_weight_does(name):
    case, kernel, inputs = built(name)
    axes, found = kernel_axes(kernel), what_weights_do(case, kernel, inputs)
    assert all(len(read) == len(written) == 1 for read, written in found.values())
    # An output depends on a weight by the weight's place along `outputs`, and on nothing else of
    # it; there are as many places as outputs, but for the gates of a recurrent unit.
    written = {(along(index, axes.outputs), what[1]) for index, what in found.items()}
    assert len({place for place, _ in written}) == len(written)
    assert len({unit for _, unit in written}) * axes.gates == len(written)
    # The same of what it reads, the channels of each group standing for those of all.
    read = {(along(index, axes.inputs), what[0]) for index, what in found.items()}
    assert len({unit for _, unit in read}) == len(read)
    assert len({place for place, _ in read}) * axes.groups == len(read)
    assert sorted(axes.summed + axes.outputs) == list(range(len(kernel.shape)))
    assert sorted({*axes.window, *axes.inputs, *axes.outputs}) == list(range(len(kernel.shape)))
    assert not set(axes.window) & {*axes.inputs, *axes.outputs}
    assert not axes.assumed


@pytest.mark.parametrize("name", CASES)
def test_layers_of_one_product_are_linear_in_it(name):
    assert is_linear(CASES[name].layer) == (not name.startswith(NOT_LINEAR))


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (layers.MultiHeadAttention(2, 3), (None, 4, 5), [(0,), (0,), (0,), (0, 1)]),
        (layers.GroupQueryAttention(3, 4, 2), (None, 4, 5), [(0,), (0,), (0,), (0, 1)]),
    ],
)
def test_the_layers_inside_attention(layer, shape, expected):
    layer.build(shape, shape)
    kernels = find_kernels(layer)
    assert [kernel_axes(kernel).summed for kernel in kernels] == expected
    assert all(len(kernel_axes(k).summed + kernel_axes(k).outputs) == 3 for k in kernels)


def test_layers_that_inherit_and_layers_that_do_not():
    class Mine(layers.Conv2DTranspose):
        pass

    class Other(layers.Layer):
        def build(self, shape):
            self.w = self.add_weight(shape=(2, 3), name="w")
            self.cube = self.add_weight(shape=(2, 3, 4), name="cube")
            self.lookup = self.add_weight(shape=(1, 2, 3, 4, 5, 6), name="lookup")

    for layer, expected in ((Mine(4, 2), ["...a,xyba->...b"]), (Other(), ["...a,ab->...b"])):
        layer.build((None, 5, 5, 3))
        found = [kernel_axes(kernel) for kernel in find_kernels(layer)]
        assert [axes.equation for axes in found if axes is not None] == expected
    assert [axes is not None and axes.assumed for axes in found] == [True, False, False]
