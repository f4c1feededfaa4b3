"""`RigL`: drop the smallest weights, grow those of largest gradient."""

import math
from typing import Any, Unpack

import keras
import numpy as np

from state_of_sparsity.arguments import is_integer
from state_of_sparsity.layers.drawn import DrawnArguments
from state_of_sparsity.layers.mask_update import Update
from state_of_sparsity.layers.set import SET
from state_of_sparsity.schedules.sparsity import SparsitySchedule
from state_of_sparsity.version import PACKAGE
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel


@keras.saving.register_keras_serializable(package=PACKAGE)
class RigL(SET):
    """Sparse from the first step: weights move to where the gradient is largest.

    As `SET`, but the absent weights that are grown are those of largest gradient of the loss, in
    the step before the update, and the fraction of the present weights that move falls with the
    step t: `fraction / 2 (1 + cos(pi t / end_step))`. With a schedule that grows sparser it is
    grow-and-prune, as of GraNet; with longer ways from one update to the next, RigL-ITOP.

    Args:
        layer: the Keras layer to prune, built or not.
        schedule: `schedule(step) -> (should_prune, sparsity)`: when weights move, such as
            `sos.schedules.ConstantSparsity(0.9, begin_step=0, end_step=7500, frequency=100)`, three
            quarters of the run.
        fraction: of the present weights that move at an update at first, in [0, 1].
        end_step: where the fraction is 0; that of the schedule if `None`.
        seed: an integer of at least 0, for the first mask.
        distribution: how zeros are shared among layers by their shapes
            (`sos.distributions.ErdosRenyiKernel`); by default every kernel has the same sparsity.
        pattern: which weights may go together (`sos.patterns`); any if `None`.
        **kwargs: `kernels` as for `sos.ScheduledMask`; `name` and `trainable`, as for a Keras
            layer.

    Raises:
        ValueError: if an argument is outside its range, or neither `end_step` nor the schedule says
            where updates end.

    Example:

    >>> schedule = sos.schedules.ConstantSparsity(0.9, begin_step=0, end_step=7500)
    >>> layer = sos.RigL(keras.layers.Dense(10), schedule)

    Reference: Evci et al., "Rigging the Lottery: Making All Tickets Winners", 2020, algorithm 1
    (ResNet-50, 90 %: 73.0 % accuracy with Erdos-Renyi-Kernel, 72.0 % uniform). There a step that
    updates masks takes its gradient and trains no weight.
    """

    records = "gradient"

    def __init__(
        self,
        layer: keras.layers.Layer,
        schedule: SparsitySchedule,
        fraction: float = 0.3,
        *,
        end_step: int | None = None,
        **kwargs: Unpack[DrawnArguments],
    ) -> None:
        end: Any = getattr(schedule, "end_step", None) if end_step is None else end_step
        if not (is_integer(end) and end >= 1):
            raise ValueError(
                "`end_step` must be an integer of at least 1, where no weight moves any more, or "
                "None for the `end_step` of a schedule that has one. "
                f"Received: {end!r}, with the schedule {schedule!r}."
            )
        super().__init__(layer, schedule, fraction, **kwargs)
        self.end_step = int(end)

    def replaced(self, step: int) -> float:
        """Returns the fraction of the present weights that move at an update."""
        return self.fraction / 2 * (1 + math.cos(math.pi * min(1.0, step / self.end_step)))

    def growth(self, kernel: SparseKernel, update: Update) -> np.ndarray:
        """Returns the size of the gradient of every weight."""
        return np.abs(self.record(kernel))

    def training_share(self, kernel: SparseKernel) -> float:
        """Returns that of a mask, and of steps before an update the gradient by all weights."""
        share = super().training_share(kernel)
        ended = self.mask_step(kernel) >= self.end_step
        frequency = getattr(self.schedule, "frequency", None)
        return share if ended or not frequency else share + (1 - share) / 3 / frequency

    def get_config(self) -> dict[str, Any]:
        """Returns the configuration."""
        return {**super().get_config(), "end_step": self.end_step}
