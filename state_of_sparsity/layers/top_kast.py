"""`TopKAST`: the largest weights compute, somewhat more of them learn."""

import math
from collections.abc import Sequence
from typing import Any, Self, Unpack

import keras
import numpy as np
from keras import ops

from state_of_sparsity.arguments import check_number
from state_of_sparsity.layers.mask_update import Update
from state_of_sparsity.layers.scheduled_mask import MaskArguments, ScheduledMask
from state_of_sparsity.masking.top_k import zero_count
from state_of_sparsity.schedules.answers import sparsity_at
from state_of_sparsity.schedules.sparsity import SparsitySchedule, check_sparsity
from state_of_sparsity.user_warnings import warn
from state_of_sparsity.version import PACKAGE
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel


@keras.saving.register_keras_serializable(package=PACKAGE)
class TopKAST(ScheduledMask):
    """Sparse in both passes: A, the largest weights, compute; a larger set B of them is trained.

    The layer computes with `w' = where(A, w, 0)`; the gradient of the loss by `w'` reaches the
    stored weights in B, and no others. A penalty has those that only learn prove themselves:

        penalty / 2 * (sum over A of w^2 + 1 / density * sum over B without A of w^2)

    where `density` is that of A. Both sets are of the largest magnitudes at an update; between two
    they stay.

    Args:
        layer: the Keras layer to prune, built or not.
        schedule: `schedule(step) -> (should_prune, sparsity)`, of A: such as
            `sos.schedules.ConstantSparsity(0.9, begin_step=0, frequency=100)`.
        backward_sparsity: the fraction of weights outside B, in [0, 1), below the schedule's: while
            that is lower, and in a kernel for which the distribution wants less, B is A.
        penalty: weight of the penalty in the loss, at least 0.
        distribution: how zeros are shared among layers (`sos.distributions`); by default every
            kernel has the same sparsity.
        reparametrization: a `sos.Powerpropagation`, to train powers of the weights; None without.
        **kwargs: `kernels` as for `sos.ScheduledMask`; `name` and `trainable`, as for a Keras
            layer.

    Raises:
        ValueError: if an argument is outside its range.

    Example:

    >>> schedule = sos.schedules.ConstantSparsity(0.9, begin_step=0)
    >>> layer = sos.TopKAST(keras.layers.Dense(10), schedule, backward_sparsity=0.8)

    Reference: Jayakumar et al., "Top-KAST: Top-K Always Sparse Training", 2020, section 2.
    """

    def __init__(
        self,
        layer: keras.layers.Layer,
        schedule: SparsitySchedule,
        backward_sparsity: float,
        *,
        penalty: float = 1e-4,
        **kwargs: Unpack[MaskArguments],
    ) -> None:
        check_sparsity("backward_sparsity", backward_sparsity)
        check_number("penalty", penalty, least=0)
        super().__init__(layer, schedule, **kwargs)
        self.backward_sparsity, self.penalty = float(backward_sparsity), float(penalty)
        self.build_if_possible()

    def add_kernel_state(self, kernel: SparseKernel) -> keras.Variable:
        """Creates the masks of both sets."""
        mask = super().add_kernel_state(kernel)
        shape = kernel.variable.shape
        options: dict[str, Any] = {"dtype": "bool", "initializer": "ones", "trainable": False}
        self.add_beside(kernel, "backward_mask", shape=shape, **options)
        return mask

    def scores(self, kernel: SparseKernel, values: np.ndarray) -> np.ndarray:
        """Returns the absolute values."""
        return np.abs(values, out=values)

    def set_mask(self, kernel: SparseKernel, update: Update) -> None:
        """Sets the masks of both sets."""
        super().set_mask(kernel, update)
        present = self.present(kernel)
        zeros = min(update.zeros, zero_count(self.backward_sparsity, present.size))
        trained = self.keep(kernel, self.checked_scores(kernel), zeros)
        self.beside[kernel.name]["backward_mask"].assign(present | trained)

    def effective_kernel(self, kernel: SparseKernel, training: bool | None) -> Any:
        """Returns the kernel in A; in training its gradient reaches all of B."""
        value = super().effective_kernel(kernel, training)
        if not training:
            return value
        more = self._only_trained(kernel)
        return value + (more - ops.stop_gradient(more))

    def _only_trained(self, kernel):
        """Returns the stored kernel with zeros outside B, and inside A."""
        stored = self.weight(kernel)
        trained = ops.convert_to_tensor(self.beside[kernel.name]["backward_mask"])
        absent = ops.logical_not(ops.convert_to_tensor(self.mask(kernel)))
        return ops.where(ops.logical_and(trained, absent), stored, 0)

    def training_share(self, kernel: SparseKernel) -> float:
        """Returns that of A, but for the gradient by the weights, which is of all in B."""
        trained = self.beside[kernel.name]["backward_mask"].numpy()
        return (2 * super().training_share(kernel) + float(np.mean(trained))) / 3

    @property
    def penalizes_stored(self) -> bool:
        """Whether there is a penalty."""
        return self.penalty > 0

    def stored_penalty(self, kernel: SparseKernel) -> Any:
        """Returns the penalty of the weights in B."""
        used = super().effective_kernel(kernel, training=False)
        count = ops.sum(ops.cast(ops.convert_to_tensor(self.mask(kernel)), used.dtype))
        density = ops.maximum(count, 1.0) / math.prod(used.shape)  # A may be empty
        learning = ops.sum(ops.square(self._only_trained(kernel))) / density
        return self.penalty / 2 * (ops.sum(ops.square(used)) + learning)

    @classmethod
    def before_run(
        cls, layers: Sequence[Self], optimizer: keras.optimizers.Optimizer, start: int, end: int
    ) -> None:
        """Warns if no more weights are trained at the end than compute."""
        super().before_run(layers, optimizer, start, end)
        for layer in layers:
            sparsity = sparsity_at(layer.schedule, end)
            if sparsity is not None and sparsity <= layer.backward_sparsity:
                warn(
                    f"`backward_sparsity` of '{layer.name}' should be below the sparsity of its "
                    f"`schedule`, {sparsity} at the end: no other weights are trained than those "
                    f"that compute. Received: {layer.backward_sparsity}."
                )
                return

    def get_config(self) -> dict[str, Any]:
        """Returns the configuration."""
        own = {"backward_sparsity": self.backward_sparsity, "penalty": self.penalty}
        return {**super().get_config(), **own}
