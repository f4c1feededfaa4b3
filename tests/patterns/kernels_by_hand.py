"""Layers of every kind with the axes of their kernels, found by hand, and lists of indices."""

import itertools
from dataclasses import dataclass

from keras import layers

from state_of_sparsity.wrapping.kernels import find_kernels


@dataclass(frozen=True)
class ByHand:
    """A layer, and what the axes of one of its kernels are for.

    Args:
        layer: which is built for `inputs`.
        inputs: the shape of a batch.
        positions: axes of a window.
        rows: axes that an output is a sum over.
        columns: axes of the outputs.
        kernel: its place among the layer's.
    """

    layer: layers.Layer
    inputs: tuple
    positions: tuple
    rows: tuple
    columns: tuple
    kernel: int = 0

    def built_kernel(self):
        if not self.layer.built:
            self.layer.build(self.inputs)
        return find_kernels(self.layer)[self.kernel]


IMAGE = (None, 8, 8, 6)
KINDS = {
    "dense": ByHand(layers.Dense(5), (None, 10), (), (0,), (1,)),
    "einsum to heads": ByHand(
        layers.EinsumDense("abc,cde->abde", (None, 2, 3)), (None, 4, 7), (), (0,), (1, 2)
    ),
    "einsum from heads": ByHand(
        layers.EinsumDense("abcd,cde->abe", (None, 4)), (None, 4, 3, 2), (), (0, 1), (2,)
    ),
    "einsum, batch-like": ByHand(
        layers.EinsumDense("abc,bcd->abd", (3, 4)), (None, 3, 5), (), (1,), (0, 2)
    ),
    "convolution 1": ByHand(layers.Conv1D(4, 3), (None, 8, 6), (0,), (1,), (2,)),
    "convolution 2": ByHand(layers.Conv2D(4, (3, 2)), IMAGE, (0, 1), (2,), (3,)),
    "convolution 3": ByHand(layers.Conv3D(3, 2), (None, 4, 4, 4, 5), (0, 1, 2), (3,), (4,)),
    "grouped": ByHand(layers.Conv2D(4, 3, groups=2), IMAGE, (0, 1), (2,), (3,)),
    "transposed": ByHand(layers.Conv2DTranspose(3, 2), IMAGE, (0, 1), (3,), (2,)),
    "depthwise": ByHand(layers.DepthwiseConv2D(3, depth_multiplier=2), IMAGE, (), (0, 1), (2, 3)),
    "separable, pointwise": ByHand(layers.SeparableConv2D(4, 3), IMAGE, (0, 1), (2,), (3,), 1),
    "embedding": ByHand(layers.Embedding(9, 4), (None, 3), (), (0,), (1,)),
    "lstm": ByHand(layers.LSTM(3), (None, 5, 7), (), (0,), (1,)),
    "lstm, recurrent": ByHand(layers.LSTM(5), (None, 5, 7), (), (0,), (1,), 1),
}


def matrices_of(kind, shape):
    """Returns `[position][row][column]`, lists of indices of a kernel."""

    def along(axes):
        return list(itertools.product(*(range(shape[axis]) for axis in axes)))

    def index(position, row, column):
        axes = (*kind.positions, *kind.rows, *kind.columns)
        placed = dict(zip(axes, (*position, *row, *column), strict=True))
        return tuple(placed[axis] for axis in range(len(shape)))

    return [
        [[index(p, r, c) for c in along(kind.columns)] for r in along(kind.rows)]
        for p in along(kind.positions)
    ]


def groups_of(matrices, size):
    """Returns lists of `size` indices next to each other along a column, and short last ones."""
    return [
        [row[column] for row in matrix[start : start + size]]
        for matrix in matrices
        for start in range(0, len(matrix), size)
        for column in range(len(matrix[0]))
    ]


def blocks_of(matrices, height, width):
    """Returns lists of the indices of blocks, from the first row and column on."""
    return [
        [index for row in matrix[top : top + height] for index in row[left : left + width]]
        for matrix in matrices
        for top in range(0, len(matrix), height)
        for left in range(0, len(matrix[0]), width)
    ]


def outputs_of(matrices):
    """Returns for each output the indices of its weights."""
    columns = range(len(matrices[0][0]))
    return [[row[c] for matrix in matrices for row in matrix] for c in columns]
