"""`Wanda`: drop the weights that are small, or whose inputs are."""

from typing import Any, Unpack

import keras
import numpy as np

from state_of_sparsity.layers.recorded_inputs import RecordedInputs
from state_of_sparsity.layers.scheduled_mask import MaskArguments
from state_of_sparsity.patterns.per_output import PerOutput
from state_of_sparsity.schedules.sparsity import SparsitySchedule
from state_of_sparsity.version import PACKAGE
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel


@keras.saving.register_keras_serializable(package=PACKAGE)
class Wanda(RecordedInputs):
    """Prunes the weights of smallest `|weight| * ||inputs||`, without training, as of one look.

    The norm is that of the input feature that a weight multiplies (of a convolution, the channel),
    over the batches that `sos.observe` has seen; every output loses as many weights as any other.
    Inputs are those of the model as it is; published is to prune block by block, each by the inputs
    that it has behind the blocks pruned before.

    Args:
        layer: the Keras layer to prune, built or not: dense, einsum or convolution.
        schedule: `schedule(step) -> (should_prune, sparsity)`; without training
            `sos.schedules.ConstantSparsity(0.5, begin_step=0, end_step=0)`.
        distribution: how zeros are shared among layers (`sos.distributions`); by default every
            kernel has the same sparsity.
        pattern: which weights may go together; `sos.patterns.PerOutput()` unless another is given
            (`NOfM(2, 4)`), or None to compare all weights of a kernel.
        reparametrization: a `sos.Powerpropagation`, to train powers of the weights; None without.
        **kwargs: `kernels` as for `sos.ScheduledMask`; `name` and `trainable`, as for a Keras
            layer.

    Raises:
        ValueError: if an argument is none of those allowed, or the layer's inputs do not reach its
            kernel as they are (attention, recurrent layers, embeddings).

    Example:

    >>> once = sos.schedules.ConstantSparsity(0.5, begin_step=0, end_step=0)
    >>> sparse = sos.sparsify(model, lambda layer: sos.Wanda(layer, once), copy=True)
    >>> sos.observe(sparse, [(x, y)])
    >>> sos.UpdateSparsity().update(sparse, 0)  # which prunes
    >>> pruned = sos.strip(sparse)

    Reference: Sun et al., "A Simple and Effective Pruning Approach for Large Language Models",
    2023, section 3.
    """

    def __init__(
        self,
        layer: keras.layers.Layer,
        schedule: SparsitySchedule,
        **kwargs: Unpack[MaskArguments],
    ) -> None:
        kwargs.setdefault("pattern", PerOutput())
        super().__init__(layer, schedule, **kwargs)
        self.build_if_possible()

    def scores(self, kernel: SparseKernel, values: np.ndarray) -> np.ndarray:
        """Returns the size of weight times input."""
        return np.abs(values) * self.input_norms(kernel)

    def get_config(self) -> dict[str, Any]:
        """Returns the configuration, which says where there is no pattern."""
        return {"pattern": None, **super().get_config()}
