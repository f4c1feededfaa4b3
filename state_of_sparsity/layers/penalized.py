"""`PenalizedWrapper`: a second parameter, learned by a penalty, and noise for those that draw."""

from collections.abc import Sequence
from typing import Any, Unpack

import keras
from keras import ops

from state_of_sparsity.layers.controlled_penalty import ControlledPenalty, PenaltyWeight
from state_of_sparsity.wrapping.base import WrapperArguments
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel


class PenalizedWrapper(ControlledPenalty):
    """A technique that learns its sparsity through a penalty on an auxiliary variable.

    The penalty is the auxiliary variable's regularizer, so that it counts once a step however
    often the layer is called.

    Args:
        layer: the Keras layer to make sparse.
        penalty_weight: a number of at least 0, a callable `step -> weight`, or a
            `sos.schedules.TargetSparsity`.
        seed: integer, or `None` for one of its own, drawn from Python's generator. A technique
            without noise has none.
        kernels: names of the kernels to make sparse; every kernel if `None`.
        **kwargs: `name` and `trainable`, as for a Keras layer.
    """

    # Noise is the same on all replicas unless a technique draws it for examples; None without.
    seed_generator_type: type[keras.random.SeedGenerator] | None = keras.random.SeedGenerator

    def __init__(
        self,
        layer: keras.layers.Layer,
        penalty_weight: PenaltyWeight,
        *,
        seed: int | None = None,
        kernels: Sequence[str] | None,
        **kwargs: Unpack[WrapperArguments],
    ) -> None:
        super().__init__(layer, penalty_weight, kernels=kernels, **kwargs)
        if self.seed_generator_type is not None:
            self.seed = seed
            self.seed_generator = self.seed_generator_type(seed)

    def penalty(self, theta: Any, auxiliary: Any) -> Any:
        """Returns the penalty of one kernel, a scalar tensor, before it is weighted."""
        raise NotImplementedError

    def from_stored(self, stored: Any) -> Any:
        """Returns what formulas call `auxiliary` from the stored value; by default the same."""
        return stored

    def add_auxiliary(
        self,
        kernel: SparseKernel,
        name: str,
        initializer: keras.initializers.Initializer,
        shape: Sequence[int] | None = None,
    ) -> keras.Variable:
        """Creates the auxiliary variable of a kernel, with the penalty as its regularizer.

        Its shape is the kernel's unless another is given.
        """
        self.add_current_weight()

        def regularizer(auxiliary):
            fixed = self.current_weight is None
            weight = self.penalty_weight if fixed else ops.convert_to_tensor(self.current_weight)
            auxiliary = self.from_stored(ops.convert_to_tensor(auxiliary))
            theta = ops.cast(self.weight(kernel), auxiliary.dtype)
            return ops.cast(weight, auxiliary.dtype) * self.penalty(theta, auxiliary)

        return self.add_beside(
            kernel,
            name,
            shape=kernel.variable.shape if shape is None else shape,
            initializer=initializer,
            regularizer=regularizer,
        )

    def tensors(self, kernel: SparseKernel) -> tuple[Any, Any]:
        """Returns the kernel and what is learned beside it, as tensors of one precision."""
        state = self.from_stored(ops.convert_to_tensor(self.kernel_state[kernel.name]))
        return ops.cast(self.weight(kernel), state.dtype), state

    def get_config(self) -> dict[str, Any]:
        """Returns the configuration."""
        config = super().get_config()
        return config if self.seed_generator_type is None else {**config, "seed": self.seed}
