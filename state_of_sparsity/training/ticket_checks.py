"""Whether the weights that a run begins with are what its start calls them."""

from collections.abc import Mapping

import keras
import numpy as np

from state_of_sparsity.surgery.structure import model_kernels
from state_of_sparsity.training import kept_state
from state_of_sparsity.training.runs.run_dir import LAST
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


def check_unpruned(kept: Snapshot, step: int | str) -> None:
    """Raises a `ValueError` if weights are rewound to a step at which pruning had begun.

    Rewinding asks what the masks of the end are worth early on: to the weights of a network that
    knew of no mask, or to those of one that always had these (a copy of a ticket).

    Args:
        kept: what the run of the weights kept of the step.
        step: what was asked for, a number of steps or "last".

    Reference: Frankle et al., 2020, section 4; Renda, Frankle, Carbin, 2020, section 2.
    """
    masks = [mask for path, mask in kept.masks.items() if path not in kept.fixed]
    zeros = sum(mask.size - int(mask.sum()) for mask in masks)
    if step not in (0, LAST) and zeros:
        share = zeros / sum(mask.size for mask in masks)
        raise ValueError(
            "`weights_of` must be a run that was not pruned yet at the step that weights are "
            f"rewound to. Received: one with {100 * share:.2f} % of zeros at step {step:,}. Give "
            "the dense run of the same seed, which has kept that step (in gin files WEIGHTS_OF), "
            "or an earlier step."
        )


def check_trained(kept: Snapshot, masks: Mapping[str, np.ndarray]) -> None:
    """Raises a `ValueError` if masks let weights back in that were not trained up to a step.

    Args:
        kept: what the run of the weights kept of the step.
        masks: `{kernel path: boolean array}`, those that the run begins with.
    """
    if not kept.step:
        return  # all are as they were drawn
    back = sum(int((mask & ~masks_then).sum()) for mask, masks_then in _pairs(masks, kept.masks))
    if back:
        left = sum(int(np.sum(mask)) for mask in masks.values())
        raise ValueError(
            "`masks` must keep no weight that `weights_of` had dropped at its step: what was "
            f"dropped was trained no more. Received: masks with {back:,} of those among {left:,} "
            f"weights, step {kept.step:,}. Take the weights of a dense run or of step 0, or draw "
            "them anew; or the masks as that run has them, or pruned further."
        )


def _pairs(masks, others):
    """Yields the masks of each kernel, those that it has now and those that it had."""
    for path, mask in masks.items():
        if path in others:
            yield np.asarray(mask) != 0, others[path]


def check_drawn_anew(model: keras.Model, first: Snapshot) -> None:
    """Raises a `ValueError` if a scratch run has weights that the run of its masks began with.

    Args:
        model: the model with masks.
        first: what that run kept of step 0.
    """
    before = kept_state.fitted(model, first, "`masks_of`").weights
    for kernel in (each for each in model_kernels(model) if each.wrapper is not None):
        # But for rounding: that run may have stored its weights in another form.
        same = np.allclose(kernel.variable.numpy(), before[kernel.path], rtol=1e-5, atol=0)
        if same and np.ptp(before[kernel.path]):
            raise ValueError(
                "`masks_of` must be a run with other first weights, where there is no "
                "`weights_of`: this would be its lottery ticket. Received: a run that began with "
                f"the weights drawn here, in {kernel.path!r}. Bind another SEED where it was drawn "
                "anew itself, or name the run that its masks came from; and give initializers no "
                "fixed seed."
            )
