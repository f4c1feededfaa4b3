"""`Block`: weights go and stay by whole blocks."""

from collections.abc import Sequence
from typing import Any, Literal, get_args

import keras
import numpy as np

from state_of_sparsity.arguments import is_integer
from state_of_sparsity.masking.blocks import block_maxima, block_means, keep_blocks, spread
from state_of_sparsity.patterns.pattern import Pattern
from state_of_sparsity.version import PACKAGE
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel

Pooling = Literal["mean", "max"]


@keras.saving.register_keras_serializable(package=PACKAGE)
class Block(Pattern):
    """Weights go by blocks, those of lowest score first: the mean of their weights' or the largest.

    A kernel is the matrix that its layer multiplies with (of a convolution one for each position
    of its window): rows are what an output sums over, columns the outputs. Blocks begin at the
    first row and column; those at the ends may be short, and count by what they have.

    Of the zeros that a schedule, or a distribution, has for a kernel as many are made as whole
    blocks have room in: less than a block is missing, and there is never one too many.

    Args:
        shape: rows and columns of a block, such as `(4, 1)`; each at least 1.
        pooling: what a block's score is of those of its weights, `"mean"` or `"max"`.

    Raises:
        ValueError: if `shape` is no pair of integers of at least 1, or `pooling` is neither; when a
            layer is built, if it is not known what a kernel's axes are for, or it is a single
            block.

    Example:

    >>> schedule = sos.schedules.PolynomialDecay(0.0, 0.8, begin_step=0, end_step=1000)
    >>> pattern = sos.patterns.Block((4, 1))
    >>> layer = sos.MagnitudePruning(keras.layers.Dense(10), schedule, pattern=pattern)

    Reference: Narang, Undersander, Diamos, "Block-Sparse Recurrent Neural Networks", 2017 (there by
    the largest of a block); `block_size` of `tfmot.sparsity.keras.prune_low_magnitude`.
    """

    def __init__(self, shape: Sequence[int], pooling: Pooling = "mean") -> None:
        given: Any = tuple(shape) if isinstance(shape, Sequence) else ()
        if len(given) != 2 or not all(is_integer(size) and size >= 1 for size in given):
            raise ValueError(
                "`shape` must be two integers of at least 1, the rows (along what an output sums "
                f"over) and columns (outputs) of a block, such as (4, 1). Received: {shape!r}."
            )
        if pooling not in get_args(Pooling):
            raise ValueError(f"`pooling` must be 'mean' or 'max'. Received: {pooling!r}.")
        self.shape, self.pooling = (int(given[0]), int(given[1])), pooling

    def __str__(self) -> str:
        return "{}x{} blocks".format(*self.shape)

    def keep(self, kernel: SparseKernel, scores: np.ndarray, zeros: int) -> np.ndarray:
        """Returns the mask of the blocks of highest score."""
        matrices = self.matrices(kernel)
        _, rows, columns = matrices.sizes
        pooled = self._of_blocks(matrices.of(scores))
        return matrices.back(keep_blocks(pooled, self.shape, rows, columns, zeros))

    def _of_blocks(self, scores):
        pool = block_means if self.pooling == "mean" else block_maxima
        return pool(scores, self.shape)

    def pooled(self, kernel: SparseKernel, scores: np.ndarray) -> np.ndarray:
        """Returns for each weight the score of its block."""
        matrices = self.matrices(kernel)
        _, rows, columns = matrices.sizes
        pooled = self._of_blocks(matrices.of(scores)).astype(scores.dtype)
        return matrices.back(spread(pooled, self.shape, rows, columns))

    def shortfall(self, kernel: SparseKernel, zeros: int) -> int:
        """Returns how many zeros may be missing: less than a block has."""
        return self.shape[0] * self.shape[1] - 1

    def check_kernel(self, kernel: SparseKernel) -> None:
        """Raises a `ValueError` if a kernel is a single block, or its axes are not known."""
        positions, rows, columns = self.matrices(kernel).sizes
        if positions == 1 and rows <= self.shape[0] and columns <= self.shape[1]:
            raise self.does_not_fit(
                kernel, f"it is a matrix of {rows} rows and {columns} columns, a single block"
            )

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {"shape": list(self.shape), "pooling": self.pooling}
