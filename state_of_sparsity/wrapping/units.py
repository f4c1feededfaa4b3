"""Units: the inputs and outputs of a dense layer, words of an embedding, channels."""

import numpy as np

from state_of_sparsity.wrapping.kernel_axes import kernel_axes
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel


def gate_shape(kernel: SparseKernel, group: str | None) -> tuple[int, ...]:
    """Returns the shape of a kernel's gates, which broadcasts to the kernel's.

    Args:
        kernel: the kernel.
        group: `None`: a gate a weight. `"unit"`: a gate a filter of a convolution, and a gate an
            input unit of any other layer.

    Raises:
        ValueError: if the kernel's units are not known.

    Example:

    >>> from state_of_sparsity.wrapping.kernels import find_kernels
    >>> layer = keras.layers.Dense(3)
    >>> layer.build((None, 2))
    >>> gate_shape(find_kernels(layer)[0], "unit")
    (2, 1)
    """
    if group is None:
        return kernel.shape
    axes = _axes_of_units(kernel)
    if axes is None:
        raise ValueError(
            f"The units of the kernel '{kernel.variable.name}' of shape {kernel.shape} are not "
            "known: it must belong to one of Keras's dense, einsum, convolution or embedding "
            "layers, or be a matrix. "
            f"Received: the layer '{kernel.owner.name}' of type {type(kernel.owner).__name__}. "
            "Where gates are wanted, use `group=None` for it, or leave it dense by a rule."
        )
    gated = axes.outputs if axes.window else axes.inputs
    return tuple(size if axis in gated else 1 for axis, size in enumerate(kernel.shape))


def units_left(kernel: SparseKernel, values: np.ndarray) -> tuple[int | None, int | None]:
    """Returns how many input units and how many output units of a kernel have a non-zero weight.

    Args:
        kernel: the kernel.
        values: its values, zeros written in.

    Returns:
        Two counts, None where the kernel's units are not known (inputs of grouped convolutions,
        outputs of LSTM and GRU).
    """
    axes = _axes_of_units(kernel)
    if axes is None:
        return None, None
    # The channels of a group stand for those of all groups; an LSTM has four columns a unit.
    return (
        None if axes.groups > 1 else _count(values != 0, axes.inputs),
        None if axes.gates > 1 else _count(values != 0, axes.outputs),
    )


def _axes_of_units(kernel):
    axes = kernel_axes(kernel)
    # A filter of a recurrent convolution is no unit, but one of four gates of one.
    return None if axes is not None and axes.window and axes.gates > 1 else axes


def _count(present, axes):
    others = tuple(axis for axis in range(present.ndim) if axis not in axes)
    return int(np.count_nonzero(present.any(axis=others)))
