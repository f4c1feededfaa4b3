"""How large the inputs are that each weight of a kernel multiplies."""

from typing import Any

import keras
import numpy as np
from keras import ops

from state_of_sparsity.wrapping.kernel_axes import KernelAxes, kernel_axes
from state_of_sparsity.wrapping.linear_layers import is_linear
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel


def axes_of_inputs(kernel: SparseKernel, layer: keras.layers.Layer) -> KernelAxes | None:
    """Returns the axes of a kernel if it is what multiplies a layer's inputs, else None.

    So it is in dense, einsum and convolution layers. What an embedding has are indices, and a
    layer that holds others hides what reaches their kernels.
    """
    if kernel.owner is not layer or not is_linear(layer):
        return None
    axes = kernel_axes(kernel)
    return None if axes is None or axes.looks_up or isinstance(layer, _TABLES) else axes


_TABLES = (keras.layers.Embedding, keras.layers.ReversibleEmbedding)


def input_sizes(kernel: SparseKernel, axes: KernelAxes) -> tuple[int, ...]:
    """Returns how many input features there are, along each axis of the inputs' features."""
    sizes = [kernel.shape[axis] for axis in axes.inputs]
    return (*sizes[:-1], sizes[-1] * axes.groups)


def mean_squares(kernel: SparseKernel, axes: KernelAxes, inputs: Any) -> Any:
    """Returns the mean square of each input feature over examples and positions, a tensor."""
    squares = ops.square(ops.cast(ops.convert_to_tensor(inputs), "float32"))
    if axes.window and getattr(kernel.owner, "data_format", None) == "channels_first":
        squares = ops.moveaxis(squares, 1, -1)
    read, _, rest = axes.equation.partition(",")
    before, _, after = read.partition("...")
    hidden = len(squares.shape) - len(before) - len(after)
    labels = [*before, *[""] * hidden, *after]
    wanted = [rest.partition("->")[0][axis] for axis in axes.inputs]
    others = [axis for axis, label in enumerate(labels) if label not in wanted]
    left = [label for label in labels if label in wanted]
    means = ops.mean(squares, axis=others) if others else squares
    return ops.transpose(means, [left.index(label) for label in wanted])


def of_every_weight(kernel: SparseKernel, axes: KernelAxes, features: np.ndarray) -> np.ndarray:
    """Returns an array of input features so that it broadcasts to the kernel's shape.

    Args:
        kernel: the kernel.
        axes: its axes.
        features: a number for each input feature, of the shape `input_sizes`.
    """
    if axes.groups > 1:  # a filter of a grouped convolution reads the channels of its group alone
        of_groups = features.reshape(axes.groups, -1)
        return np.repeat(of_groups, kernel.shape[-1] // axes.groups, axis=0).T
    rank = len(kernel.shape)
    return features.reshape([kernel.shape[a] if a in axes.inputs else 1 for a in range(rank)])
