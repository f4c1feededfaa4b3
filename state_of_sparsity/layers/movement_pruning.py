"""`MovementPruning`: drop the weights that training moves towards 0."""

from typing import Any, Unpack

import keras
import numpy as np
from keras import ops

from state_of_sparsity.layers.scheduled_mask import MaskArguments, ScheduledMask
from state_of_sparsity.schedules.sparsity import SparsitySchedule
from state_of_sparsity.version import PACKAGE
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel


@keras.saving.register_keras_serializable(package=PACKAGE)
class MovementPruning(ScheduledMask):
    """Prunes the weights of smallest score, and the optimizer trains the scores.

    The layer computes with `w' = where(mask, w, 0)`. The gradient of the loss by the score of a
    weight is taken to be `dL/dw' * w`, that of masked weights too: a score falls while its weight
    is moved towards 0, and grows while it is moved away. Scores begin at 0. A weight that is masked
    stays as it is, and comes back when its score has grown.

    Args:
        layer: the Keras layer to prune, built or not. It is meant for fine-tuning, of weights that
            have been trained on something else.
        schedule: `schedule(step) -> (should_prune, sparsity)`; the first update that masks weights
            has to come after step 0, when scores are still equal. Published is
            `sos.schedules.PolynomialDecay`, with a dense warm-up.
        distribution: how zeros are shared among layers (`sos.distributions`); by default every
            kernel has the same sparsity.
        reparametrization: a `sos.Powerpropagation`, to train powers of the weights; None without.
        **kwargs: `kernels` as for `sos.ScheduledMask`; `name` and `trainable`, as for a Keras
            layer.

    Raises:
        ValueError: if an argument is none of those allowed; at an update, if no score was trained.

    Example:

    >>> schedule = sos.schedules.PolynomialDecay(0.0, 0.9, begin_step=100, end_step=1000)
    >>> layer = sos.MovementPruning(keras.layers.Dense(10), schedule)

    Reference: Sanh, Wolf, Rush, "Movement Pruning: Adaptive Sparsity by Fine-Tuning", 2020,
    section 3, with hard masks. Weight decay of an optimizer acts on scores too.
    """

    def __init__(
        self,
        layer: keras.layers.Layer,
        schedule: SparsitySchedule,
        **kwargs: Unpack[MaskArguments],
    ) -> None:
        super().__init__(layer, schedule, **kwargs)
        self.build_if_possible()

    def add_kernel_state(self, kernel: SparseKernel) -> keras.Variable:
        """Creates the kernel's mask, and its scores."""
        mask = super().add_kernel_state(kernel)
        self.add_beside(kernel, "score", shape=kernel.variable.shape, initializer="zeros")
        return mask

    def effective_kernel(self, kernel: SparseKernel, training: bool | None) -> Any:
        """Returns the masked kernel; in training its gradient reaches the scores too."""
        value = super().effective_kernel(kernel, training)
        if not training:
            return value
        score = ops.convert_to_tensor(self.beside[kernel.name]["score"])
        stored = ops.stop_gradient(self.weight(kernel))
        return value + stored * ops.cast(score - ops.stop_gradient(score), stored.dtype)

    def training_share(self, kernel: SparseKernel) -> float:
        """Returns that of a mask, but for the gradient by the weights: all scores are trained."""
        return (2 * super().training_share(kernel) + 1) / 3

    def scores(self, kernel: SparseKernel, values: np.ndarray) -> np.ndarray:
        """Returns the trained scores."""
        found = self.beside[kernel.name]["score"].numpy()
        if not found.any():
            raise ValueError(
                f"A sparsity update of '{self.name}' (MovementPruning) is due, and no score of its "
                f"kernel '{kernel.name}' has been trained: all are equal. Let the `schedule` begin "
                "to mask after step 0. Leave a layer dense that is frozen, or that the loss does "
                "not depend on."
            )
        return found
