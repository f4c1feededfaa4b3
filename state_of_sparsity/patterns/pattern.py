"""`Pattern`: what all patterns of weights say of themselves."""

from typing import Any

import numpy as np

from state_of_sparsity.arguments import is_number
from state_of_sparsity.patterns.kernel_matrices import KernelMatrices, kernel_matrices
from state_of_sparsity.schedules.configured import Configured
from state_of_sparsity.schedules.sparsity import SparsitySchedule
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel

NEARLY = 0.0005  # 0.667 stands for two thirds
# What schedules call the sparsities that they go through, TF-MOT's too.
_SPARSITIES = ("initial_sparsity", "target_sparsity", "final_sparsity")


class Pattern(Configured):
    """Which weights may be dropped together: the `pattern` of a scheduled mask.

    A pattern is a subclass with `keep` and `get_config`, registered with Keras; its text is what
    reports call it.

    Attributes:
        sparsity: the sparsity that kernels have by the pattern itself, which no distribution can
            share among them; None where it may be any.
    """

    sparsity: float | None = None

    def keep(self, kernel: SparseKernel, scores: np.ndarray, zeros: int) -> np.ndarray:
        """Returns the mask of a kernel: of the highest scores, as far as the pattern allows.

        Weights of infinite score stay where they can: those a technique has decided about. Where
        they are part of an earlier mask of `keep`, of as many zeros or more, they can.

        Args:
            kernel: the `SparseKernel`.
            scores: one a weight, in the kernel's shape, free of NaN.
            zeros: how many are wanted.
        """
        raise NotImplementedError

    def pooled(self, kernel: SparseKernel, scores: np.ndarray) -> np.ndarray:
        """Returns for each weight the score by which it goes: its own, or that of all it goes with.

        By these several kernels are compared (`sos.distributions.GlobalThreshold`), and weights
        chosen that are to move to another place.
        """
        return scores

    def shortfall(self, kernel: SparseKernel, zeros: int) -> int:
        """Returns how many zeros fewer than `zeros` a mask of `keep` may have."""
        return 0

    def check_kernel(self, kernel: SparseKernel) -> None:
        """Raises a `ValueError` if the pattern does not fit a kernel."""
        self.matrices(kernel)

    def matrices(self, kernel: SparseKernel) -> KernelMatrices:
        """Returns a kernel as the matrices its layer multiplies with; a `ValueError` if unknown."""
        found = kernel_matrices(kernel)
        if found is None:
            raise self.does_not_fit(
                kernel,
                "what its axes are for is not known: it must belong to one of Keras's dense, "
                "einsum, convolution, recurrent or embedding layers, or be a matrix",
            )
        return found

    def does_not_fit(self, kernel: SparseKernel, why: str) -> ValueError:
        """Returns the error of a kernel that cannot have the pattern."""
        return ValueError(
            f"`pattern` does not fit the kernel '{kernel.variable.path}' of shape {kernel.shape}: "
            f"{why}. Received: {self!r} for the layer '{kernel.owner.name}' "
            f"({type(kernel.owner).__name__}). Leave it dense by a rule, (path, None) before the "
            "others, or give it another pattern."
        )

    def check_schedule(self, schedule: SparsitySchedule) -> None:
        """Raises a `ValueError` if a schedule says that it asks for more than there can be."""
        for name in _SPARSITIES:
            value: Any = getattr(schedule, name, None)
            if is_number(value):
                self.check_sparsity(value, f"{name}={value} of {schedule!r}")

    def check_sparsity(self, sparsity: float, received: str) -> None:
        """Raises a `ValueError` if a schedule asks for more than there can be.

        Args:
            sparsity: the sparsity.
            received: what it is, in words.
        """
        if self.sparsity is not None and sparsity > self.sparsity + NEARLY:
            raise ValueError(
                f"`schedule` must ask for a sparsity of at most {self.sparsity}, which is that of "
                f"the pattern {self}. Received: {received}. End the schedule there, or use "
                "a pattern with more zeros."
            )
