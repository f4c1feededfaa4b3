"""`ScheduledMask`: masks whose sparsity follows a schedule, set by `UpdateSparsity`."""

import math
from collections.abc import Sequence
from typing import Any, Protocol, Self, Unpack

import keras
import numpy as np

from state_of_sparsity.arguments import refuse_class
from state_of_sparsity.layers.masked import MaskedWrapper
from state_of_sparsity.masking.top_k import keep_largest, zero_count
from state_of_sparsity.schedules.saving import deserialize_schedule, serialize_schedule
from state_of_sparsity.schedules.sparsity import SparsitySchedule, check_schedule
from state_of_sparsity.wrapping.base import WrapperArguments
from state_of_sparsity.wrapping.effective_terms import constrain
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel

_MOST_ROUNDS = 100


class Distribution(Protocol):
    """How the zeros of an update are shared among kernels, as `sos.distributions` do."""

    def zeros(self, kernels: Sequence[SparseKernel], zeros: int) -> list[int]:
        """Returns how many of `zeros` fall to each kernel."""


class ScheduledMask(MaskedWrapper):
    """A mask technique that drops the weights of lowest score, as many as a schedule says.

    A technique is a subclass that scores weights (`scores`). At an update each kernel keeps
    exactly `size - round(sparsity * size)` weights, those of highest score; of equal scores the
    first are dropped.

    Args:
        layer: the Keras layer to prune.
        schedule: `schedule(step) -> (should_prune, sparsity)`: a TF-MOT `PruningSchedule`, a
            schedule of `sos.schedules`, or any callable of that form, with a method
            `last_update(step)` if it can say when it last had one. `step` counts optimizer steps
            completed; `sparsity` is the fraction of zeros in [0, 1).
        distribution: how zeros are shared among the kernels of all layers with an equal
            distribution (`sos.distributions`); `None` gives every kernel the same sparsity.
        kernels: names of the kernels to prune; every kernel if `None`.
        **kwargs: `name` and `trainable`, as for a Keras layer.
    """

    def __init__(
        self,
        layer: keras.layers.Layer,
        schedule: SparsitySchedule,
        *,
        distribution: Distribution | None = None,
        kernels: Sequence[str] | None = None,
        **kwargs: Unpack[WrapperArguments],
    ) -> None:
        check_schedule(schedule)
        _check_distribution(distribution)
        super().__init__(layer, kernels=kernels, **kwargs)
        self.schedule = schedule
        self.distribution = distribution

    @property
    def needs_driver(self) -> bool:
        """True: the mask follows the schedule only if something updates it."""
        return bool(self.sparse_kernels)

    def scores(self, kernel: SparseKernel, values: np.ndarray) -> np.ndarray:
        """Returns the score of every weight, the lowest to be dropped first.

        Args:
            kernel: the `SparseKernel`.
            values: its stored values, masked ones included: a copy, which may be overwritten.
        """
        raise NotImplementedError

    def checked_scores(self, kernel: SparseKernel) -> np.ndarray:
        """Returns the scores of a kernel, refusing NaN and other shapes."""
        values = kernel.variable.numpy()
        if values.dtype not in (np.float32, np.float64):
            values = values.astype(np.float32)  # numpy does not partition bfloat16
        if np.isnan(np.min(values)):  # NaN if one is: no array of flags is made
            raise ValueError(
                f"The kernel '{kernel.name}' of the layer '{self.name}' holds NaN at a sparsity "
                "update: training has diverged, and no mask can be computed. Lower the learning "
                "rate, or resume from an earlier checkpoint."
            )
        scores = np.asarray(self.scores(kernel, values))
        if scores.shape != values.shape or np.isnan(np.min(scores)):
            raise ValueError(
                f"`scores` of {type(self).__name__} must return an array of the shape of `values`, "
                f"{values.shape}, without NaN. Received for '{self.name}': {scores!r}."
            )
        return scores.astype(values.dtype, copy=False)  # one precision for all comparisons

    def update_masks(self, sparsity: float) -> None:
        """Sets every mask to `sparsity`, one kernel in memory at a time."""
        for kernel in self.sparse_kernels:
            zeros = zero_count(sparsity, math.prod(kernel.shape))
            _settle([kernel], zeros, lambda kernel=kernel, zeros=zeros: _drop(kernel, zeros))

    def get_config(self) -> dict[str, Any]:
        """Returns the configuration, with the schedule in a form that can be revived."""
        return {
            **super().get_config(),
            "schedule": serialize_schedule(self.schedule),
            "distribution": keras.saving.serialize_keras_object(self.distribution),
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Self:
        """Creates the wrapper from its configuration."""
        config = dict(config)
        config["schedule"] = deserialize_schedule(config["schedule"])
        config["distribution"] = keras.saving.deserialize_keras_object(config["distribution"])
        return super().from_config(config, custom_objects)


def _check_distribution(distribution):
    refuse_class("distribution", distribution, 'sos.distributions.GlobalThreshold("a name")')
    if distribution is not None and not callable(getattr(distribution, "zeros", None)):
        raise ValueError(
            "`distribution` must be None or one of sos.distributions.GlobalThreshold and "
            f"ErdosRenyiKernel. Received: {distribution!r}."
        )


def update_together(wrappers: list[ScheduledMask], sparsity: float) -> None:
    """Sets the masks of layers that share a distribution to one overall sparsity.

    Scores are computed whenever they are needed: those of one kernel are in memory at a time.

    Args:
        wrappers: wrappers with equal `distribution`.
        sparsity: fraction of zeros over all their kernels; the total is
            `round(sparsity * total size)` exactly.
    """
    kernels = [kernel for wrapper in wrappers for kernel in wrapper.sparse_kernels]
    zeros = zero_count(sparsity, sum(math.prod(kernel.shape) for kernel in kernels))

    def drop_once():
        counts = wrappers[0].distribution.zeros(kernels, zeros)
        changed = [_drop(kernel, count) for kernel, count in zip(kernels, counts, strict=True)]
        return any(changed)

    _settle(kernels, zeros, drop_once)


def _drop(kernel, zeros: int) -> bool:
    """Masks the `zeros` lowest scores; returns whether a constraint may have changed some."""
    mask, variable = keep_largest(kernel.scores(), zeros), kernel.wrapper.mask(kernel)
    constrained = kernel.variable.constraint is not None
    changed = constrained and not np.array_equal(mask, variable.numpy())
    variable.assign(mask)
    if changed:
        constrain(kernel, where=np.less)
    return changed


def _settle(kernels, zeros, drop_once):
    """Calls `drop_once` until masks and constraints agree, so that a second update changes nothing.

    Without constraints that is once. With one, a weight that comes back can have to be smaller
    than others that are masked. Weights only get smaller meanwhile, lest this go round in circles:
    what is to be larger is made so in the end, when it is present whatever its size.
    """
    for kernel in kernels:
        if zeros and kernel.variable.constraint is not None and kernel.mask().all():
            constrain(kernel)  # what is masked now keeps its scale from here on
    rounds = 0
    while drop_once() and rounds < _MOST_ROUNDS:
        rounds += 1
    if rounds:
        for kernel in kernels:
            constrain(kernel, where=np.greater)
