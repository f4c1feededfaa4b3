"""`NOfM`: of every m neighbours n stay, such as 2:4."""

import math

import keras
import numpy as np

from state_of_sparsity.arguments import check_integer
from state_of_sparsity.masking.groups import keep_in_groups, zeros_in_groups
from state_of_sparsity.patterns.pattern import NEARLY, Pattern
from state_of_sparsity.version import PACKAGE
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel


@keras.saving.register_keras_serializable(package=PACKAGE)
class NOfM(Pattern):
    """Of every `m` weights next to each other the `n` of highest score stay.

    Groups are along the axis that the layer sums over (input units; channels, at each position of
    a convolution's window; the window of a depthwise one), each output by itself. A short last
    group keeps `n` too, where it has so many, as if zeros were appended.

    A schedule leads there by whole weights: from a sparsity of `k / m` on, every group drops `k`,
    so that 2:4 passes 3:4 at 0.25. It has to end at `1 - n / m`, and there can be no distribution:
    the pattern says how many zeros each kernel has.

    Args:
        n: how many stay, at least 1.
        m: of how many, above `n`.

    Raises:
        ValueError: if an argument is outside its range; where it is given to a technique, if the
            schedule asks for a sparsity above `1 - n / m`, or with a `distribution`; when a layer
            is built, if it is not known over which axis it sums, or has no more than `n` weights
            there.

    Example:

    >>> schedule = sos.schedules.PolynomialDecay(0.0, 0.5, begin_step=0, end_step=1000)
    >>> pattern = sos.patterns.NOfM(2, 4)
    >>> layer = sos.MagnitudePruning(keras.layers.Dense(10), schedule, pattern=pattern)

    Reference: Mishra et al., "Accelerating Sparse Deep Neural Networks", 2021; Zhou et al.,
    "Learning N:M Fine-grained Structured Sparse Neural Networks From Scratch", 2021.
    """

    def __init__(self, n: int, m: int) -> None:
        check_integer("n", n, 1)
        check_integer("m", m, 1)
        if n >= m:
            raise ValueError(
                f"`n` must be below `m`: n of every m weights stay, 2 of 4. Received: n={n}, m={m}."
            )
        self.n, self.m = int(n), int(m)
        self.sparsity = 1 - self.n / self.m

    def __str__(self) -> str:
        return f"{self.n}:{self.m}"

    def keep(self, kernel: SparseKernel, scores: np.ndarray, zeros: int) -> np.ndarray:
        """Returns the mask of the highest scores of each group."""
        matrices = self.matrices(kernel)
        kept = self._kept(zeros, scores.size)
        return matrices.back(keep_in_groups(matrices.of(scores), kept, self.m))

    def shortfall(self, kernel: SparseKernel, zeros: int) -> int:
        """Returns how many zeros fewer than `zeros` a mask has: by whole weights, short groups."""
        positions, rows, columns = self.matrices(kernel).sizes
        kept = self._kept(zeros, positions * rows * columns)
        return max(0, zeros - positions * zeros_in_groups(rows, kept, self.m) * columns)

    def check_kernel(self, kernel: SparseKernel) -> None:
        """Raises a `ValueError` if no weight could ever be dropped, or axes are not known."""
        _, rows, _ = self.matrices(kernel).sizes
        if rows <= self.n:
            raise self.does_not_fit(
                kernel, f"each output sums over {rows} at a time, of which {self.n} stay"
            )

    def _kept(self, zeros, size):
        # `zeros` was rounded, by half a weight at most.
        dropped = math.floor(self.m * ((zeros + 0.5) / size + NEARLY))
        return max(self.n, self.m - dropped)

    def get_config(self) -> dict[str, int]:
        """Returns the arguments."""
        return {"n": self.n, "m": self.m}
