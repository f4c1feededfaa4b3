"""Which axes of a kernel are those of the units it reads, and of those it feeds."""

import keras
import numpy as np

from state_of_sparsity.wrapping.sparse_kernel import SparseKernel

_CONVOLUTIONS = (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D)
# Their kernels are (..., filters, input channels), not (..., input channels, filters).
_TRANSPOSED = (
    keras.layers.Conv1DTranspose,
    keras.layers.Conv2DTranspose,
    keras.layers.Conv3DTranspose,
)
_DEPTHWISE = (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)
_SEPARABLE = (keras.layers.SeparableConv1D, keras.layers.SeparableConv2D)


def unit_axes(kernel: SparseKernel) -> tuple[tuple[int, ...], ...]:
    """Returns the axes of a kernel that index its input units, and those of its output units.

    A unit is an input or output of a dense layer, a word of an embedding, or a channel of a
    convolution.

    Args:
        kernel: a kernel of a Keras layer, or any matrix, whose first axis is taken for the inputs.

    Raises:
        ValueError: if it is not known which axes they are.

    Example:

    >>> layer = keras.layers.Conv2D(8, 3)
    >>> layer.build((None, 28, 28, 3))
    >>> unit_axes(find_kernels(layer)[0])
    ((2,), (3,))
    """
    layer, rank = kernel.owner, len(kernel.variable.shape)
    if isinstance(layer, _DEPTHWISE) or kernel.variable.name == "depthwise_kernel":
        return (rank - 2,), (rank - 2, rank - 1)
    if isinstance(layer, _TRANSPOSED):
        return (rank - 1,), (rank - 2,)
    if isinstance(layer, (*_CONVOLUTIONS, *_SEPARABLE)):
        return (rank - 2,), (rank - 1,)
    if isinstance(layer, keras.layers.EinsumDense):
        operands, output = layer.equation.split("->")
        read, weights = operands.split(",")
        labels = list(enumerate(label for label in weights if label.isalpha()))
        return tuple(
            tuple(axis for axis, label in labels if label in side) for side in (read, output)
        )
    if rank == 2:
        return (0,), (1,)
    raise ValueError(
        f"The input units of the kernel '{kernel.variable.name}' of shape "
        f"{tuple(kernel.variable.shape)} are not known: it must belong to one of Keras's dense, "
        "einsum, convolution or embedding layers, or be a matrix. "
        f"Received: the layer '{layer.name}' of type {type(layer).__name__}. "
        "Where gates are wanted, use `group=None` for it, or leave it dense by a rule."
    )


def gate_shape(kernel: SparseKernel, group: str | None) -> tuple[int, ...]:
    """Returns the shape of a kernel's gates, which broadcasts to the kernel's.

    Args:
        kernel: the kernel.
        group: `None`: a gate a weight. `"input"`: a gate a filter of a convolution, and a gate an
            input unit of any other layer.

    Raises:
        ValueError: if the kernel's units are not known.

    Example:

    >>> layer = keras.layers.Dense(3)
    >>> layer.build((None, 2))
    >>> gate_shape(find_kernels(layer)[0], "input")
    (2, 1)
    """
    shape = tuple(kernel.variable.shape)
    if group is None:
        return shape
    inputs, outputs = unit_axes(kernel)
    is_convolution = isinstance(
        kernel.owner, (*_CONVOLUTIONS, *_TRANSPOSED, *_DEPTHWISE, *_SEPARABLE)
    )
    gated = outputs if is_convolution else inputs
    return tuple(size if axis in gated else 1 for axis, size in enumerate(shape))


def units_left(kernel: SparseKernel, values: np.ndarray) -> tuple[int | None, int | None]:
    """Returns how many input units and how many output units of a kernel have a non-zero weight.

    Args:
        kernel: the kernel.
        values: its values, zeros written in.

    Returns:
        Two counts, None where the kernel's units are not known (inputs of grouped convolutions,
        outputs of LSTM and GRU).
    """
    try:
        inputs, outputs = unit_axes(kernel)
    except ValueError:
        return None, None
    layer, present = kernel.owner, values != 0
    # The channels of a group stand for those of all groups; an LSTM has four columns a unit.
    several = getattr(layer, "groups", 1) > 1
    recurrent = isinstance(layer, (keras.layers.LSTMCell, keras.layers.GRUCell))
    return (
        None if several else _count(present, inputs),
        None if recurrent else _count(present, outputs),
    )


def _count(present, axes):
    others = tuple(axis for axis in range(present.ndim) if axis not in axes)
    return int(np.count_nonzero(present.any(axis=others)))
