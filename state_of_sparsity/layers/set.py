"""`SET` (sparse evolutionary training): drop the smallest weights, grow others at random."""

from typing import Any, Unpack

import keras
import numpy as np

from state_of_sparsity.arguments import check_number
from state_of_sparsity.layers.drawn import DrawnMask
from state_of_sparsity.layers.mask_update import Update
from state_of_sparsity.layers.scheduled_mask import MaskArguments
from state_of_sparsity.masking.top_k import keep_largest
from state_of_sparsity.schedules.sparsity import SparsitySchedule
from state_of_sparsity.version import PACKAGE
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel


@keras.saving.register_keras_serializable(package=PACKAGE)
class SET(DrawnMask):
    """Sparse from the first step: at each update some weights move to other places.

    The first update draws a random mask. Each later one drops, of the `n` weights present, the
    `round(fraction * n)` of smallest magnitude, and makes as many of those that are absent present,
    at random (those just dropped among them). What is new begins at 0, and optimizers begin anew
    with it. Where the schedule has become sparser since, that many more are dropped for good.

    Args:
        layer: the Keras layer to prune, built or not.
        schedule: `schedule(step) -> (should_prune, sparsity)`: when weights move, such as
            `sos.schedules.ConstantSparsity(0.9, begin_step=0, end_step=7500, frequency=100)`.
        fraction: of the present weights that move at an update, in [0, 1].
        seed: an integer of at least 0, for the first mask and for growth.
        distribution: how zeros are shared among layers by their shapes
            (`sos.distributions.ErdosRenyiKernel`); by default every kernel has the same sparsity.
        pattern: which weights may go together (`sos.patterns`); any if `None`.
        **kwargs: `kernels` as for `sos.ScheduledMask`; `name` and `trainable`, as for a Keras
            layer.

    Raises:
        ValueError: if an argument is outside its range.

    Example:

    >>> schedule = sos.schedules.ConstantSparsity(0.9, begin_step=0, end_step=7500)
    >>> layer = sos.SET(keras.layers.Dense(10), schedule)

    Reference: Mocanu et al., "Scalable training of artificial neural networks with adaptive sparse
    connectivity inspired by network science", 2018, algorithm 2 (which drops the smallest positive
    and the largest negative weights); in this form Evci et al., "Rigging the Lottery", 2020.
    """

    evolves = True

    def __init__(
        self,
        layer: keras.layers.Layer,
        schedule: SparsitySchedule,
        fraction: float = 0.3,
        *,
        seed: int = 0,
        **kwargs: Unpack[MaskArguments],
    ) -> None:
        check_number("fraction", fraction, least=0, most=1)
        super().__init__(layer, schedule, seed, **kwargs)
        self.fraction = float(fraction)
        self.build_if_possible()

    def replaced(self, step: int) -> float:
        """Returns the fraction of the present weights that move at an update."""
        return self.fraction

    def growth(self, kernel: SparseKernel, update: Update) -> np.ndarray:
        """Returns the score of every weight, the absent ones of highest score to be grown."""
        return self.draw(kernel, update.step)

    def new_mask(self, kernel: SparseKernel, update: Update) -> np.ndarray:
        """Returns the mask after dropping and growing; a random one at the first update."""
        if self.mask_step(kernel) < 0:
            return self.keep(kernel, self.draw(kernel, update.step), update.zeros)
        present = self.present(kernel)
        magnitude = np.where(present, np.abs(self.stored(kernel)), -1)
        left = min(int(present.sum()), present.size - update.zeros)  # of a sparser mask, fewer
        if self.pattern is not None:  # nor more than it can hold
            fits = present & self.keep(kernel, magnitude, update.zeros)
            left = int(fits.sum())
            magnitude = self.pattern.pooled(kernel, np.where(fits, magnitude, -1))
        staying = left - round(self.replaced(update.step) * left)
        stays = keep_largest(magnitude, present.size - staying)
        grown = np.where(stays, np.inf, self.growth(kernel, update))
        return self.keep(kernel, grown, update.zeros)

    def get_config(self) -> dict[str, Any]:
        """Returns the configuration."""
        return {**super().get_config(), "fraction": self.fraction}
