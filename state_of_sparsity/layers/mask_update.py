"""Setting masks: what an update tells a technique, and how constraints and masks come to agree."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import numpy as np

from state_of_sparsity.wrapping.effective_terms import constrain
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel

_MOST_ROUNDS = 100


@dataclass(frozen=True)
class Update:
    """What a technique is told when the mask of a kernel is due.

    Args:
        step: the step that the update is for, in optimizer steps completed. (Where updates are only
            possible every K steps it may be some steps ago.)
        sparsity: the sparsity that the schedule wants then, in [0, 1).
        zeros: how many weights of this kernel are to be masked: the kernel's share of it.
    """

    step: int
    sparsity: float
    zeros: int


def update_masks(
    kernels: Sequence[SparseKernel],
    step: int,
    sparsity: float,
    shares: Callable[[], Sequence[int]],
) -> list[tuple[keras.Variable, np.ndarray]]:
    """Sets masks until they and the constraints agree, so that a second update changes nothing.

    Without constraints that is once. With one, a weight that comes back can have to be smaller
    than others that are masked. Weights only get smaller meanwhile, lest this go round in circles:
    what is to be larger is made so in the end, when it is present whatever its size.

    Args:
        kernels: the kernels; the masks of one are in memory at a time.
        step: of the update.
        sparsity: that the schedule wants.
        shares: returns how many weights of each kernel are to be masked.

    Returns:
        Pairs of a kernel's variable and a boolean array: weights that begin anew.
    """
    for kernel in kernels:
        if sparsity and kernel.variable.constraint is not None and kernel.mask().all():
            constrain(kernel)  # what is masked now keeps its scale from here on
    grown = []

    def set_once():
        changed = False
        for kernel, zeros in zip(kernels, shares(), strict=True):
            changed |= _set(kernel, Update(step, sparsity, zeros), grown)
        return changed

    rounds = 0
    while set_once() and rounds < _MOST_ROUNDS:
        rounds += 1
    if rounds:
        for kernel in kernels:
            constrain(kernel, where=np.greater)
    return grown


def _set(kernel, update, grown) -> bool:
    """Sets one mask; returns whether a constraint may have changed some weights since."""
    wrapper, constrained = kernel.wrapper, kernel.variable.constraint is not None
    before = wrapper.present(kernel) if constrained or wrapper.evolves else None
    wrapper.set_mask(kernel, update)
    if before is None:
        return False
    after = wrapper.present(kernel)
    if wrapper.evolves and (after & ~before).any():
        grown.append((kernel.variable, after & ~before))
    if not constrained or np.array_equal(before, after):
        return False
    constrain(kernel, where=np.less)
    return True
