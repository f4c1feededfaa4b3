"""`KernelReport`: what is left of one kernel."""

import functools
import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

COLUMNS = (
    "path",
    "technique",
    "pattern",
    "shape",
    "size",
    "nonzero",
    "sparsity",
    "multiply_adds",
    "sparse_multiply_adds",
    "bytes_dense",
    "bytes_bitmask",
    "bytes_csr",
    "bytes_gzip",
    "inputs_left",
    "outputs_left",
)


@dataclass(frozen=True)
class KernelReport:
    """One kernel of a model.

    Args:
        path: structural path of the kernel, such as `block_1/query/kernel`.
        technique: class name of the wrapper, or `dense` for a kernel left as it is.
        pattern: which weights its technique lets go together, such as `2:4`; None if any.
        shape: its shape.
        nonzero: weights that are not zero at evaluation.
        uses: positions at which one example applies it (its multiply-adds are `size * uses`); None
            if not known.
        itemsize: bytes a stored weight takes: 0.5 where Keras has packed two into one.
        inputs_left: input units (of a convolution: channels) with a non-zero weight; None where a
            kernel's units are not known.
        outputs_left: the same of its output units.
    """

    path: str
    technique: str
    pattern: str | None
    shape: tuple[int, ...]
    nonzero: int
    uses: int | None
    itemsize: int | float
    inputs_left: int | None
    outputs_left: int | None
    _read: Callable[[], np.ndarray] = field(repr=False, compare=False)
    # The bytes of a kernel that is stored in another form than it is read in.
    _stored: Callable[[], np.ndarray] | None = field(default=None, repr=False, compare=False)

    @property
    def size(self) -> int:
        """Number of weights."""
        return math.prod(self.shape)

    @property
    def sparsity(self) -> float:
        """Fraction of weights that are zero."""
        return 1 - self.nonzero / self.size if self.size else 0.0

    @property
    def multiply_adds(self) -> int | None:
        """Multiply-adds of the dense kernel for one example, `size * uses`."""
        return None if self.uses is None else self.size * self.uses

    @property
    def sparse_multiply_adds(self) -> int | None:
        """Multiply-adds with the zeros left out, `nonzero * uses`."""
        return None if self.uses is None else self.nonzero * self.uses

    @property
    def bytes_dense(self) -> int:
        """Bytes of all weights."""
        return math.ceil(self.size * self.itemsize)

    @property
    def bytes_bitmask(self) -> int:
        """Bytes of one bit a weight and the non-zero values."""
        return math.ceil(self.size / 8) + math.ceil(self.nonzero * self.itemsize)

    @property
    def bytes_csr(self) -> int:
        """Bytes as compressed sparse rows, with values, int32 columns and int32 row pointers.

        The kernel is seen as a matrix whose columns are its last axis.
        """
        rows = math.prod(self.shape[:-1])
        return math.ceil(self.nonzero * (self.itemsize + 4)) + 4 * (rows + 1)

    @functools.cached_property
    def bytes_gzip(self) -> int:
        """Bytes of the values, zeros written in, compressed by zlib at level 1.

        Raises:
            RuntimeError: if the weights have changed since the report was made.
        """
        # Computed when asked for: it takes seconds for a model of 25 M weights, dense ones most of
        # all. Level 1 is three times faster than level 6 and 1 to 15 % larger.
        values = self._read()
        if np.count_nonzero(values) != self.nonzero:
            raise RuntimeError(
                f"`bytes_gzip` of '{self.path}' must be taken before its weights change: it had "
                f"{self.nonzero} non-zeros when the report was made. "
                f"Received: {np.count_nonzero(values)}. Call `report` again."
            )
        values = values if self._stored is None else self._stored()
        return len(zlib.compress(np.ascontiguousarray(values).view(np.uint8).data, level=1))
