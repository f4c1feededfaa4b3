"""`PenalizedWrapper`: a second parameter for each weight, learned by a penalty, and noise."""

from collections.abc import Sequence
from typing import Any, Self, Unpack

import keras
from keras import ops

from state_of_sparsity.arguments import is_number, refuse_class
from state_of_sparsity.schedules import Ramp
from state_of_sparsity.wrapping.base import SparseWrapper, WrapperArguments
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel


class PenalizedWrapper(SparseWrapper):
    """A technique that learns its sparsity through a penalty on an auxiliary variable.

    The penalty is the auxiliary variable's regularizer, so that it counts once a step however
    often the layer is called.

    Args:
        layer: the Keras layer to make sparse.
        penalty_weight: a number of at least 0, or a `sos.schedules.Ramp`.
        seed: integer, or `None` for one of its own, drawn from Python's generator.
        kernels: names of the kernels to make sparse; every kernel if `None`.
        **kwargs: `name` and `trainable`, as for a Keras layer.
    """

    # What `penalty_weight` is called in the technique's constructor.
    penalty_argument = "penalty_weight"
    # Noise is the same on all replicas unless a technique draws it for examples.
    seed_generator_type = keras.random.SeedGenerator

    def __init__(
        self,
        layer: keras.layers.Layer,
        penalty_weight: float | Ramp,
        *,
        seed: int | None,
        kernels: Sequence[str] | None,
        **kwargs: Unpack[WrapperArguments],
    ) -> None:
        _check_weight(penalty_weight, self.penalty_argument)
        super().__init__(layer, kernels=kernels, **kwargs)
        self.penalty_weight = (
            penalty_weight if isinstance(penalty_weight, Ramp) else float(penalty_weight)
        )
        self.current_weight: Any = None  # the variable that holds it, where it changes
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
        if isinstance(self.penalty_weight, Ramp) and self.current_weight is None:
            self.current_weight = self.add_weight(
                name="penalty_weight",
                shape=(),
                initializer=keras.initializers.Constant(self.penalty_weight(0)),
                trainable=False,
            )

        def regularizer(auxiliary):
            fixed = self.current_weight is None
            weight = self.penalty_weight if fixed else ops.convert_to_tensor(self.current_weight)
            auxiliary = self.from_stored(ops.convert_to_tensor(auxiliary))
            theta = ops.cast(ops.convert_to_tensor(kernel.variable), auxiliary.dtype)
            return ops.cast(weight, auxiliary.dtype) * self.penalty(theta, auxiliary)

        return self.add_weight(
            name=name,
            shape=kernel.variable.shape if shape is None else shape,
            initializer=initializer,
            regularizer=regularizer,
        )

    @property
    def needs_driver(self) -> bool:
        """Whether the weight of the penalty changes over time."""
        return isinstance(self.penalty_weight, Ramp) and bool(self.sparse_kernels)

    def update_penalty(self, weight: float) -> None:
        """Sets the weight that the penalty has now."""
        self.current_weight.assign(weight)

    def tensors(self, kernel: SparseKernel) -> tuple[Any, Any]:
        """Returns the kernel and what is learned beside it, as tensors of one precision."""
        state = self.from_stored(ops.convert_to_tensor(self.kernel_state[kernel.name]))
        return ops.cast(ops.convert_to_tensor(kernel.variable), state.dtype), state

    def get_config(self) -> dict[str, Any]:
        """Returns the configuration."""
        return {
            **super().get_config(),
            self.penalty_argument: keras.saving.serialize_keras_object(self.penalty_weight),
            "seed": self.seed,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Self:
        """Creates the wrapper from its configuration."""
        weight = keras.saving.deserialize_keras_object(config[cls.penalty_argument])
        return super().from_config({**config, cls.penalty_argument: weight}, custom_objects)


def _check_weight(weight, argument):
    refuse_class(argument, weight, f"{argument}=sos.schedules.Ramp(1e-4, 0, 1000)")
    if not isinstance(weight, Ramp) and not (is_number(weight) and weight >= 0):
        raise ValueError(
            f"`{argument}` must be a number of at least 0 or a sos.schedules.Ramp. "
            f"Received: {weight!r}."
        )
