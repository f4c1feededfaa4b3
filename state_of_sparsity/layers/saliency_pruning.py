"""`SaliencyPruning`: drop the weights whose removal changes the loss least; at step 0, SNIP."""

from typing import Unpack

import keras
import numpy as np

from state_of_sparsity.layers.scheduled_mask import MaskArguments, ScheduledMask
from state_of_sparsity.schedules.sparsity import SparsitySchedule
from state_of_sparsity.version import PACKAGE
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel


@keras.saving.register_keras_serializable(package=PACKAGE)
class SaliencyPruning(ScheduledMask):
    """Prunes the weights of smallest `|gradient * weight|`, as many as the schedule says.

    That is how much the loss would change without a weight, to first order. The gradient is that
    of the step before the update. At step 0, of batches that `sos.observe` has seen and with one
    threshold over all layers, it is SNIP: prune before training.

    Args:
        layer: the Keras layer to prune, built or not.
        schedule: `schedule(step) -> (should_prune, sparsity)`; for SNIP
            `sos.schedules.ConstantSparsity(0.9, begin_step=0, end_step=0)`.
        distribution: how zeros are shared among layers; for SNIP
            `sos.distributions.GlobalThreshold("all")`. By default every kernel has the same
            sparsity.
        pattern: which weights may go together (`sos.patterns`); any if `None`.
        reparametrization: a `sos.Powerpropagation`, to train powers of the weights; None without.
        **kwargs: `kernels` as for `sos.ScheduledMask`; `name` and `trainable`, as for a Keras
            layer.

    Raises:
        ValueError: if an argument is none of those allowed.

    Example:

    >>> once = sos.schedules.ConstantSparsity(0.5, begin_step=0, end_step=0, frequency=1)
    >>> share = {"distribution": sos.distributions.GlobalThreshold("all")}
    >>> snip = sos.sparsify(model, lambda layer: sos.SaliencyPruning(layer, once, **share))
    >>> snip.compile("sgd", "mse")
    >>> sos.observe(snip, [(x, y)])

    Reference: Lee, Ajanthan, Torr, "SNIP: Single-shot Network Pruning based on Connection
    Sensitivity", 2019, equation 5; during training as of Lee et al., "JaxPruner", 2023.
    """

    records = "saliency"

    def __init__(
        self,
        layer: keras.layers.Layer,
        schedule: SparsitySchedule,
        **kwargs: Unpack[MaskArguments],
    ) -> None:
        super().__init__(layer, schedule, **kwargs)
        self.build_if_possible()

    def scores(self, kernel: SparseKernel, values: np.ndarray) -> np.ndarray:
        """Returns the size of gradient times weight."""
        return np.abs(self.record(kernel))
