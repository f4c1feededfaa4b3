"""Whether the weights that a run begins with are what its start calls them."""

import keras
import numpy as np

from state_of_sparsity.surgery.structure import model_kernels
from state_of_sparsity.training import kept_state
from state_of_sparsity.training.runs.snapshot import Snapshot


def check_dense(kept: Snapshot) -> None:
    """Raises a `ValueError` if a run of which no masks are taken was sparse at a step.

    Args:
        kept: what the run kept of the step.
    """
    has_learned = kept.step and kept.technique
    if has_learned or not all(mask.all() for mask in kept.masks.values()):
        raise ValueError(
            "`weights_of` must be a dense run where there is no `masks_of`: masks, and what else a "
            "technique learns beside weights, are not taken from it. Received: a sparse run, step "
            f"{kept.step:,}. Give `masks_of` as well, and no `rules`; or begin from its step 0."
        )


def check_drawn_anew(model: keras.Model, first: Snapshot) -> None:
    """Raises a `ValueError` if a scratch run has weights that the run of its masks began with.

    Args:
        model: the model with masks.
        first: what that run kept of step 0.
    """
    before = kept_state.fitted(model, first, "`masks_of`").weights
    for kernel in (each for each in model_kernels(model) if each.wrapper is not None):
        same = np.array_equal(kernel.variable.numpy(), before[kernel.path])
        if same and np.ptp(before[kernel.path]):
            raise ValueError(
                "`masks_of` must be a run with other first weights, where there is no "
                "`weights_of`: this would be its lottery ticket. Received: a run that began with "
                f"the weights drawn here, in {kernel.path!r}. Bind another SEED where it was drawn "
                "anew itself, or name the run that its masks came from; and give initializers no "
                "fixed seed."
            )
