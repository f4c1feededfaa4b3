"""`ScheduledMask`: masks whose sparsity follows a schedule, set by `UpdateSparsity`."""

import math
from collections.abc import Hashable, Sequence
from typing import Any, Protocol, Self, Unpack

import keras
import numpy as np

from state_of_sparsity.arguments import refuse_class
from state_of_sparsity.layers.mask_update import Update, update_masks
from state_of_sparsity.layers.pattern_argument import (
    check_pattern,
    check_run_of_patterns,
    check_sparsity_of_patterns,
    pattern_config,
    pattern_in,
)
from state_of_sparsity.layers.recorded import RecordedMask
from state_of_sparsity.masking.top_k import keep_largest, zero_count
from state_of_sparsity.patterns.pattern import Pattern
from state_of_sparsity.schedules.followed import Followed, FollowedSparsity
from state_of_sparsity.schedules.saving import deserialize_schedule, serialize_schedule
from state_of_sparsity.schedules.sparsity import SparsitySchedule, check_schedule
from state_of_sparsity.wrapping.base import WrapperArguments
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel


class Distribution(Protocol):
    """How the zeros of an update are shared among kernels, as `sos.distributions` do."""

    def zeros(self, kernels: Sequence[SparseKernel], zeros: int) -> list[int]:
        """Returns how many of `zeros` fall to each kernel."""

    def __hash__(self) -> int:
        """Equal for those whose layers share their zeros."""


class MaskArguments(WrapperArguments, total=False):
    """What every scheduled mask takes beside its own arguments."""

    distribution: Distribution | None
    pattern: Pattern | None
    kernels: Sequence[str] | None


class ScheduledMask(RecordedMask):
    """A mask technique that drops the weights of lowest score, as many as a schedule says.

    A technique is a subclass that scores weights (`scores`), or makes masks otherwise (`new_mask`).
    At an update each kernel keeps exactly `size - round(sparsity * size)` weights, those of highest
    score; of equal scores the first are dropped. With a pattern as near to that as it allows.

    What it needs beside the kernel it declares: `records`, of training steps (`RecordedMask`), and
    `evolves`, where its mask depends on the one before.

    Args:
        layer: the Keras layer to prune.
        schedule: `schedule(step) -> (should_prune, sparsity)`: a TF-MOT `PruningSchedule`, a
            schedule of `sos.schedules`, or any callable of that form, with a method
            `last_update(step)` if it can say when it last had one. `step` counts optimizer steps
            completed; `sparsity` is the fraction of zeros in [0, 1).
        distribution: how zeros are shared among the kernels of all layers with an equal
            distribution (`sos.distributions`); `None` gives every kernel the same sparsity.
        pattern: which weights may go together (`sos.patterns`, docs/patterns.md); any if `None`.
        kernels: names of the kernels to prune; every kernel if `None`.
        reparametrization: a `sos.Powerpropagation`; None for a technique that evolves.
        **kwargs: `name` and `trainable`, as for a Keras layer.
    """

    evolves = False

    def __init__(
        self,
        layer: keras.layers.Layer,
        schedule: SparsitySchedule,
        *,
        distribution: Distribution | None = None,
        pattern: Pattern | None = None,
        kernels: Sequence[str] | None = None,
        **kwargs: Unpack[WrapperArguments],
    ) -> None:
        check_schedule(schedule)
        _check_distribution(distribution, type(self))
        check_pattern(pattern, schedule, distribution)
        super().__init__(layer, kernels=kernels, **kwargs)
        if self.evolves and self.reparametrization is not None:
            raise ValueError(
                f"`reparametrization` must be None with {type(self).__name__}: its weights begin "
                f"anew at 0, where they would get no gradient. Received: {self.reparametrization}. "
                "Use sos.MagnitudePruning or sos.TopKAST, whose weights keep their values."
            )
        self.schedule = schedule
        self.distribution = distribution
        self.pattern = pattern

    def add_kernel_state(self, kernel: SparseKernel) -> keras.Variable:
        """Creates the kernel's mask, its record, and the step of its last update, as declared."""
        if self.pattern is not None:
            self.pattern.check_kernel(kernel)
        mask = super().add_kernel_state(kernel)
        if self.evolves:
            start = keras.initializers.Constant(-1)
            self.add_beside(
                kernel, "mask_step", shape=(), dtype="int32", initializer=start, trainable=False
            )
        return mask

    def scores(self, kernel: SparseKernel, values: np.ndarray) -> np.ndarray:
        """Returns the score of every weight, the lowest to be dropped first.

        Args:
            kernel: the `SparseKernel`.
            values: its stored values, masked ones included: a copy, which may be overwritten.
        """
        raise NotImplementedError

    def stored(self, kernel: SparseKernel) -> np.ndarray:
        """Returns a copy of the stored weights as float32 or float64, refusing NaN."""
        values = self.weight_array(kernel)
        if values.dtype not in (np.float32, np.float64):
            values = values.astype(np.float32)  # numpy does not partition bfloat16
        if np.isnan(np.min(values)):  # NaN if one is: no array of flags is made
            raise ValueError(
                f"The kernel '{kernel.name}' of the layer '{self.name}' holds NaN at a sparsity "
                "update: training has diverged, and no mask can be computed. Lower the learning "
                "rate, or resume from an earlier checkpoint."
            )
        return values

    def checked_scores(self, kernel: SparseKernel) -> np.ndarray:
        """Returns the scores of a kernel, refusing NaN and other shapes."""
        values = self.stored(kernel)
        shape, dtype = values.shape, values.dtype
        scores = np.asarray(self.scores(kernel, values))
        if scores.shape != shape or np.isnan(np.min(scores)):
            raise ValueError(
                f"`scores` of {type(self).__name__} must return an array of the shape of `values`, "
                f"{shape}, without NaN. Received for '{self.name}': {scores!r}."
            )
        return scores.astype(dtype, copy=False)  # one precision for all comparisons

    def new_mask(self, kernel: SparseKernel, update: Update) -> np.ndarray:
        """Returns the mask of a kernel for an update: by default of the highest scores.

        Args:
            kernel: the `SparseKernel`; `self.present(kernel)` is its mask until now.
            update: what is wanted; the mask has `update.zeros` zeros, or what a pattern makes of
                them.
        """
        if not update.zeros:  # nothing to score by is needed, or need be recorded yet
            return np.ones(kernel.shape, bool)
        return self.keep(kernel, self.checked_scores(kernel), update.zeros)

    def keep(self, kernel: SparseKernel, scores: np.ndarray, zeros: int) -> np.ndarray:
        """Returns the mask of a kernel that drops the `zeros` lowest of some scores.

        With a pattern as near to that as it allows; weights of infinite score stay.
        """
        if self.pattern is None:
            return keep_largest(scores, zeros)
        mask = self.pattern.keep(kernel, scores, zeros)
        of_bools = isinstance(mask, np.ndarray) and mask.dtype.kind == "b"
        if not of_bools or mask.shape != scores.shape:
            raise ValueError(
                f"`keep` of the pattern {type(self.pattern).__name__} must return a boolean array "
                f"of the shape of `scores`, {scores.shape}. Received for '{self.name}': {mask!r}."
            )
        return mask

    def set_mask(self, kernel: SparseKernel, update: Update) -> None:
        """Sets the mask of a kernel, which nothing else does.

        Of a technique that evolves, an update is carried out once, even if it is due again when a
        run is resumed; what is dropped is forgotten, and what is new begins at 0.
        """
        if not self.evolves:
            self.mask(kernel).assign(self.new_mask(kernel, update))
            return
        last = self.mask_step(kernel)
        if last == update.step or (last >= 0 and not kernel.variable.trainable):
            return  # what is new in a frozen kernel would stay 0
        mask = self.new_mask(kernel, update)
        values = kernel.variable.numpy()
        kept = self.present(kernel) & mask
        kernel.variable.assign(np.where(kept, values, np.zeros((), values.dtype)))
        self.mask(kernel).assign(mask)
        self.beside[kernel.name]["mask_step"].assign(update.step)

    def mask_step(self, kernel: SparseKernel) -> int:
        """Returns the step of the last update of a mask that evolves; -1 before the first."""
        return int(self.beside[kernel.name]["mask_step"].numpy())

    @property
    def followed(self) -> Followed:
        """The schedule of the sparsity."""
        return FollowedSparsity(self.schedule)

    @property
    def update_group(self) -> Hashable | None:
        """The distribution, which shares zeros among the layers that have an equal one."""
        return self.distribution

    def update(
        self, step: int, value: float, members: Sequence[Any]
    ) -> list[tuple[keras.Variable, np.ndarray]]:
        """Sets the masks of all layers of a group to a sparsity.

        Alone, every kernel has `round(sparsity * size)` zeros; with a distribution all of the
        group have `round(sparsity * total size)`, shared as it says. A pattern may make them fewer.
        """
        check_sparsity_of_patterns(members, value)
        kernels = [kernel for wrapper in members for kernel in wrapper.sparse_kernels]
        sizes = [math.prod(kernel.shape) for kernel in kernels]
        if self.distribution is None:
            shares = lambda: [zero_count(value, size) for size in sizes]  # noqa: E731
        else:
            distribution, zeros = self.distribution, zero_count(value, sum(sizes))
            shares = lambda: distribution.zeros(kernels, zeros)  # noqa: E731
        return update_masks(kernels, step, value, shares)

    @classmethod
    def before_run(
        cls, layers: Sequence[Self], optimizer: keras.optimizers.Optimizer, start: int, end: int
    ) -> None:
        """Refuses a run that would end sparser than a pattern; warns of one that falls short."""
        check_run_of_patterns(layers, start, end)

    def get_config(self) -> dict[str, Any]:
        """Returns the configuration, with the schedule in a form that can be revived."""
        return {
            **super().get_config(),
            "schedule": serialize_schedule(self.schedule),
            "distribution": keras.saving.serialize_keras_object(self.distribution),
            **pattern_config(self.pattern),
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Self:
        """Creates the wrapper from its configuration."""
        config = dict(config)
        config["schedule"] = deserialize_schedule(config["schedule"])
        config["distribution"] = keras.saving.deserialize_keras_object(config["distribution"])
        config.update(pattern_in(config))
        return super().from_config(config, custom_objects)


def _check_distribution(distribution, technique):
    refuse_class("distribution", distribution, 'sos.distributions.GlobalThreshold("a name")')
    if distribution is not None and not callable(getattr(distribution, "zeros", None)):
        raise ValueError(
            "`distribution` must be None or one of sos.distributions.GlobalThreshold and "
            f"ErdosRenyiKernel. Received: {distribution!r}."
        )
    if getattr(distribution, "by_scores", False) and technique.scores is ScheduledMask.scores:
        raise ValueError(
            f"`distribution` must go by the shapes of kernels with {technique.__name__}, which has "
            "no scores to compare: sos.distributions.ErdosRenyiKernel. "
            f"Received: {type(distribution).__name__}."
        )
