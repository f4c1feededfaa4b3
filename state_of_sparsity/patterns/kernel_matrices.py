"""`kernel_matrices`: a kernel of any rank as the matrices that its layer multiplies with."""

import math
from dataclasses import dataclass

import numpy as np

from state_of_sparsity.wrapping.kernel_axes import kernel_axes
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel


@dataclass(frozen=True)
class KernelMatrices:
    """How the axes of a kernel are those of matrices: one for each position of a window.

    Args:
        shape: the kernel's.
        positions: axes of a convolution's window.
        rows: axes that an output is a sum over, along which neighbours are next to each other.
        columns: axes that tell the outputs apart.
    """

    shape: tuple[int, ...]
    positions: tuple[int, ...]
    rows: tuple[int, ...]
    columns: tuple[int, ...]

    @property
    def sizes(self) -> tuple[int, int, int]:
        """How many positions, rows and columns there are."""
        axes = (self.positions, self.rows, self.columns)
        positions, rows, columns = (math.prod(self.shape[a] for a in some) for some in axes)
        return positions, rows, columns

    def of(self, array: np.ndarray) -> np.ndarray:
        """Returns an array of the kernel's shape as matrices: positions, rows, columns."""
        return array.transpose(self._order).reshape(self.sizes)

    def back(self, matrices: np.ndarray) -> np.ndarray:
        """Returns matrices, or all rows of all positions in one, in the kernel's shape."""
        shape = [self.shape[axis] for axis in self._order]
        return matrices.reshape(shape).transpose(np.argsort(self._order))

    @property
    def _order(self):
        return self.positions + self.rows + self.columns


def kernel_matrices(kernel: SparseKernel) -> KernelMatrices | None:
    """Returns a kernel as matrices, or None if it is not known what its axes are for.

    Rows are the axes that every output is a sum over, in their order: input units, channels. The
    window of a convolution has a matrix for each of its positions; of a depthwise one, which sums
    over nothing else, the window is the rows.

    Args:
        kernel: a kernel of a built layer.

    Example:

    >>> from state_of_sparsity.wrapping.kernels import find_kernels
    >>> layer = keras.layers.Conv2D(8, 3)
    >>> layer.build((None, 28, 28, 4))
    >>> kernel_matrices(find_kernels(layer)[0]).sizes
    (9, 4, 8)
    """
    axes = kernel_axes(kernel)
    if axes is None:
        return None
    rows = tuple(axis for axis in axes.summed if axis not in axes.window)
    positions = axes.window if rows else ()
    return KernelMatrices(kernel.shape, positions, rows or axes.summed, axes.outputs)
