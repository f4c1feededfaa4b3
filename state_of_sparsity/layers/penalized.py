"""`PenalizedWrapper`: a second parameter, learned by a penalty, and noise for those that draw."""

from collections.abc import Callable, Sequence
from typing import Any, Self, Unpack

import keras
from keras import ops

from state_of_sparsity.arguments import can_be_called_with, is_number, refuse_class
from state_of_sparsity.schedules.followed import Followed, FollowedWeight, weight_at
from state_of_sparsity.schedules.saving import deserialize_schedule, serialize_schedule
from state_of_sparsity.wrapping.base import SparseWrapper, WrapperArguments
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel

# A number, or a callable `step -> number`.
PenaltyWeight = float | Callable[[int], float]


class PenalizedWrapper(SparseWrapper):
    """A technique that learns its sparsity through a penalty on an auxiliary variable.

    The penalty is the auxiliary variable's regularizer, so that it counts once a step however
    often the layer is called.

    Args:
        layer: the Keras layer to make sparse.
        penalty_weight: a number of at least 0, or a callable `step -> weight`, such as a
            `sos.schedules.Ramp`.
        seed: integer, or `None` for one of its own, drawn from Python's generator. A technique
            without noise has none.
        kernels: names of the kernels to make sparse; every kernel if `None`.
        **kwargs: `name` and `trainable`, as for a Keras layer.
    """

    # What `penalty_weight` is called in the technique's constructor.
    penalty_argument = "penalty_weight"
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
        _check_weight(penalty_weight, self.penalty_argument)
        super().__init__(layer, kernels=kernels, **kwargs)
        self.penalty_weight = penalty_weight if callable(penalty_weight) else float(penalty_weight)
        self.current_weight: Any = None  # the variable that holds it, where it changes
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
        if callable(self.penalty_weight) and self.current_weight is None:
            self.current_weight = self.add_weight(
                name="penalty_weight",
                shape=(),
                initializer=keras.initializers.Constant(weight_at(self.penalty_weight, 0)),
                trainable=False,
            )

        def regularizer(auxiliary):
            fixed = self.current_weight is None
            weight = self.penalty_weight if fixed else ops.convert_to_tensor(self.current_weight)
            auxiliary = self.from_stored(ops.convert_to_tensor(auxiliary))
            theta = ops.cast(ops.convert_to_tensor(kernel.variable), auxiliary.dtype)
            return ops.cast(weight, auxiliary.dtype) * self.penalty(theta, auxiliary)

        return self.add_beside(
            kernel,
            name,
            shape=kernel.variable.shape if shape is None else shape,
            initializer=initializer,
            regularizer=regularizer,
        )

    @property
    def followed(self) -> Followed | None:
        """The weight of the penalty, where it changes over time."""
        return FollowedWeight(self.penalty_weight) if callable(self.penalty_weight) else None

    def update(self, step: int, value: float, members: Sequence[Any]) -> list:
        """Sets the weight that the penalty has now."""
        self.current_weight.assign(value)
        return []

    def tensors(self, kernel: SparseKernel) -> tuple[Any, Any]:
        """Returns the kernel and what is learned beside it, as tensors of one precision."""
        state = self.from_stored(ops.convert_to_tensor(self.kernel_state[kernel.name]))
        return ops.cast(ops.convert_to_tensor(kernel.variable), state.dtype), state

    def get_config(self) -> dict[str, Any]:
        """Returns the configuration."""
        weight = self.penalty_weight
        config = {
            **super().get_config(),
            self.penalty_argument: serialize_schedule(weight) if callable(weight) else weight,
        }
        return config if self.seed_generator_type is None else {**config, "seed": self.seed}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Self:
        """Creates the wrapper from its configuration."""
        weight = config[cls.penalty_argument]
        weight = weight if is_number(weight) else deserialize_schedule(weight)
        return super().from_config({**config, cls.penalty_argument: weight}, custom_objects)


def _check_weight(weight, argument):
    refuse_class(argument, weight, f"{argument}=sos.schedules.Ramp(1e-4, 0, 1000)")
    steps = callable(weight) and can_be_called_with(weight, 0)
    if not steps and not (is_number(weight) and weight >= 0):
        raise ValueError(
            f"`{argument}` must be a number of at least 0, or a callable step -> weight, such as a "
            f"sos.schedules.Ramp. Received: {weight!r}."
        )
