"""`SoftThreshold`: shrink every weight of a kernel by a threshold that is learned."""

from collections.abc import Callable, Sequence
from typing import Any, Unpack

import keras
import numpy as np
from keras import ops

from state_of_sparsity.arguments import check_number
from state_of_sparsity.layers.controlled_penalty import PenaltyWeight
from state_of_sparsity.layers.penalized import PenalizedWrapper
from state_of_sparsity.version import PACKAGE
from state_of_sparsity.wrapping.base import WrapperArguments
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel

_NO_THRESHOLD = -100.0  # as a logit: 1e-44 changes no weight


@keras.saving.register_keras_serializable(package=PACKAGE)
class SoftThreshold(PenalizedWrapper):
    """Computes with `sign(w) relu(|w| - sigmoid(s))`, with one learned number `s` a kernel.

    Weights of magnitude up to the threshold `sigmoid(s)` are absent and get no gradient; the others
    are smaller by it. The penalty `threshold_decay / 2 * s^2` of each kernel, a weight decay of
    `s`, draws `s` from far below 0 towards 0, where the threshold is a half: the more it weighs,
    the sparser the layers, and each finds its own sparsity. Weights that are left outgrow the
    threshold, unless they decay as well: as published, the optimizer's `weight_decay` goes with it.

    Args:
        layer: the Keras layer to make sparse, built or not.
        threshold_decay: weight of the penalty in the loss: a number of at least 0, a callable of
            the step such as a `sos.schedules.Ramp`, or a `sos.schedules.TargetSparsity`. No formula
            says which sparsity comes of a number.
        initial_logit: `s` at the start. Adam moves `s` by its learning rate a step: from -4, a
            threshold of 0.018, it passes all that are useful within 1,000 steps of 0.01; from -10
            it arrives nowhere. Where most first weights are smaller than the threshold, nothing
            learns.
        kernels: names of the kernels to make sparse; every kernel if `None`.
        reparametrization: a `sos.Powerpropagation`, to train powers of the weights; None without.
        **kwargs: `name` and `trainable`, as for a Keras layer.

    Raises:
        ValueError: if an argument is outside its range.

    Example:

    >>> layer = sos.SoftThreshold(keras.layers.Dense(10), threshold_decay=1e-2)

    Reference: Kusupati et al., "Soft Threshold Weight Reparameterization for Learnable Sparsity",
    2020, section 3 (ResNet-50: 76.12 % accuracy at 81.3 % sparsity, 74.31 at 90.2, 70.23 at
    95.2).
    """

    penalty_argument = "threshold_decay"
    seed_generator_type = None

    def __init__(
        self,
        layer: keras.layers.Layer,
        threshold_decay: PenaltyWeight,
        initial_logit: float = -4.0,
        *,
        kernels: Sequence[str] | None = None,
        **kwargs: Unpack[WrapperArguments],
    ) -> None:
        check_number("initial_logit", initial_logit)
        super().__init__(layer, threshold_decay, kernels=kernels, **kwargs)
        self.initial_logit = float(initial_logit)
        self.build_if_possible()

    def add_kernel_state(self, kernel: SparseKernel) -> keras.Variable:
        """Creates the variable `threshold_logit`, one number."""
        start = keras.initializers.Constant(self.initial_logit)
        return self.add_auxiliary(kernel, "threshold_logit", start, shape=())

    def penalty(self, theta: Any, logit: Any) -> Any:
        """Returns half the square of the logit."""
        return ops.square(logit) / 2

    def margins(self, kernel: SparseKernel) -> np.ndarray:
        """Returns by how much every weight is larger than the threshold."""
        theta, logit = self.tensors(kernel)
        return ops.convert_to_numpy(ops.abs(theta) - ops.sigmoid(logit))

    def effective_kernel(self, kernel: SparseKernel, training: bool | None) -> Any:
        """Returns the kernel with all weights shrunk by the threshold, small ones to 0."""
        theta, logit = self.tensors(kernel)
        return ops.sign(theta) * ops.relu(ops.abs(theta) - ops.sigmoid(logit))

    def constrained_kernel(self, kernel: SparseKernel, constraint: Callable[[Any], Any]) -> Any:
        """Returns the constrained shrunk kernel with the threshold added; absent weights stay."""
        theta, logit = self.tensors(kernel)
        shrunk = self.effective_kernel(kernel, training=False)
        allowed = constraint(shrunk)
        grown = allowed + ops.sign(allowed) * ops.sigmoid(logit)
        allowed = ops.cast(ops.where(shrunk == 0, theta, grown), kernel.variable.dtype)
        return self.to_store(kernel, allowed)

    def evaluation_kernel(self, kernel: SparseKernel) -> np.ndarray:
        """Returns the shrunk kernel as a numpy array."""
        return ops.convert_to_numpy(self.effective_kernel(kernel, training=False))

    def write_zeros(self, kernel: SparseKernel) -> None:
        """Stores the shrunk kernel, and sets a threshold that shrinks it no further."""
        super().write_zeros(kernel)
        self.kernel_state[kernel.name].assign(_NO_THRESHOLD)

    def present(self, kernel: SparseKernel) -> np.ndarray:
        """Returns where weights are larger than the threshold."""
        return self.evaluation_kernel(kernel) != 0

    def training_share(self, kernel: SparseKernel) -> float:
        """Returns the fraction of weights that are present: the others have no gradient."""
        return float(np.mean(self.present(kernel)))

    def get_config(self) -> dict[str, Any]:
        """Returns the configuration."""
        return {**super().get_config(), "initial_logit": self.initial_logit}
