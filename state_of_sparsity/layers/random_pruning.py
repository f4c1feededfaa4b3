"""`RandomPruning`: drop weights at random, the baseline for every other technique."""

from typing import Unpack

import keras
import numpy as np

from state_of_sparsity.layers.drawn import DrawnMask
from state_of_sparsity.layers.scheduled_mask import MaskArguments
from state_of_sparsity.schedules.sparsity import SparsitySchedule
from state_of_sparsity.version import PACKAGE
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel


@keras.saving.register_keras_serializable(package=PACKAGE)
class RandomPruning(DrawnMask):
    """Prunes weights chosen at random, as many as the schedule says.

    Every weight has one fixed random score, drawn from the seed and the kernel's path in the
    model. Masks are therefore nested as sparsity grows, equal on every replica, and differ between
    layers that share a seed.

    Args:
        layer: the Keras layer to prune, built or not. Name it where masks have to be the same in
            another program: Keras numbers unnamed layers in the order of their creation.
        schedule: `schedule(step) -> (should_prune, sparsity)`; `step` in optimizer steps
            completed, `sparsity` in [0, 1).
        seed: an integer of at least 0.
        distribution: how zeros are shared among layers; by default every kernel has the same
            sparsity.
        pattern: which weights may go together (`sos.patterns`); any if `None`.
        reparametrization: a `sos.Powerpropagation`, to train powers of the weights; None without.
        **kwargs: `kernels` as for `sos.ScheduledMask`; `name` and `trainable`, as for a Keras
            layer.

    Raises:
        ValueError: if `layer` is sparse already, `schedule` is not callable, or `seed` is no
            integer of at least 0.

    Example:

    >>> schedule = sos.schedules.ConstantSparsity(0.5, begin_step=0)
    >>> layer = sos.RandomPruning(keras.layers.Dense(10), schedule, seed=1)

    Reference: Gale et al., "The State of Sparsity in Deep Neural Networks", 2019, section 3.
    """

    def __init__(
        self,
        layer: keras.layers.Layer,
        schedule: SparsitySchedule,
        seed: int = 0,
        **kwargs: Unpack[MaskArguments],
    ) -> None:
        super().__init__(layer, schedule, seed, **kwargs)
        self.build_if_possible()

    def scores(self, kernel: SparseKernel, values: np.ndarray) -> np.ndarray:
        """Returns the fixed random scores, in [0, 1)."""
        return self.draw(kernel)
