"""`MagnitudePruning`: drop the weights of smallest absolute value, gradually."""

from typing import Unpack

import keras
import numpy as np

from state_of_sparsity.layers.scheduled_mask import MaskArguments, ScheduledMask
from state_of_sparsity.schedules.sparsity import SparsitySchedule
from state_of_sparsity.version import PACKAGE
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel


@keras.saving.register_keras_serializable(package=PACKAGE)
class MagnitudePruning(ScheduledMask):
    """Prunes the weights of smallest magnitude, as many as the schedule says.

    At an update the `round(sparsity * size)` weights of smallest `|weight|` of each kernel are
    masked. Magnitudes are taken of the stored values, masked ones included, so a weight can come
    back while the schedule runs.

    Args:
        layer: the Keras layer to prune, built or not.
        schedule: `schedule(step) -> (should_prune, sparsity)`, such as TF-MOT's
            `PolynomialDecay`; `step` in optimizer steps completed, `sparsity` in [0, 1).
        distribution: how zeros are shared among layers (`sos.distributions`); by default every
            kernel has the same sparsity.
        pattern: which weights may go together (`sos.patterns`); any if `None`.
        kernels: names of the kernels to prune (`("kernel",)`); every kernel if `None`.
        reparametrization: a `sos.Powerpropagation`, to train powers of the weights; None without.
        **kwargs: `name` and `trainable`, as for a Keras layer.

    Raises:
        ValueError: if `layer` is sparse already or `schedule` is not callable.

    Example:

    >>> schedule = sos.schedules.PolynomialDecay(0.0, 0.9, begin_step=0, end_step=1000)
    >>> layer = sos.MagnitudePruning(keras.layers.Dense(10), schedule)
    >>> layer(np.ones((2, 5))).shape == (2, 10)
    True

    Reference: Zhu and Gupta, "To prune, or not to prune", 2017; Gale et al., 2019, section 3.
    """

    def __init__(
        self,
        layer: keras.layers.Layer,
        schedule: SparsitySchedule,
        **kwargs: Unpack[MaskArguments],
    ) -> None:
        super().__init__(layer, schedule, **kwargs)
        self.build_if_possible()

    def scores(self, kernel: SparseKernel, values: np.ndarray) -> np.ndarray:
        """Returns the absolute values."""
        return np.abs(values, out=values)
