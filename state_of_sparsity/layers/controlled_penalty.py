"""`ControlledPenalty`: the weight of a penalty, fixed, by the step, or moved by a controller."""

import math
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Self

import keras
import numpy as np

from state_of_sparsity.arguments import can_be_called_with, is_number, refuse_class
from state_of_sparsity.schedules.followed import (
    Followed,
    FollowedTarget,
    FollowedWeight,
    weight_at,
)
from state_of_sparsity.schedules.saving import deserialize_schedule, serialize_schedule
from state_of_sparsity.schedules.target_sparsity import MOST, ControllerState, TargetSparsity
from state_of_sparsity.user_warnings import warn
from state_of_sparsity.wrapping.base import SparseWrapper
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel

# A number, a callable `step -> number`, or a controller.
PenaltyWeight = float | Callable[[int], float] | TargetSparsity

_MISSED = (
    0.02  # as a fraction of zeros; what variational dropout moves by from step to step is less
)
_MOST_DROPPED, _MOST_BACK = 0.1, 0.5  # at once, of the weights that are to be left
_BEYOND = 0.01  # the threshold, in margins: where weights are put that are held


class ControlledPenalty(SparseWrapper):
    """A sparse layer with a penalty, and what decides how much it weighs.

    Args:
        layer: the Keras layer to make sparse.
        penalty_weight: a number of at least 0, a callable `step -> weight` such as a
            `sos.schedules.Ramp`, or a `sos.schedules.TargetSparsity`.
        **kwargs: as for `SparseWrapper`.
    """

    # What `penalty_weight` is called in the technique's constructor.
    penalty_argument = "penalty_weight"

    def __init__(
        self, layer: keras.layers.Layer, penalty_weight: PenaltyWeight, **kwargs: Any
    ) -> None:
        _check_weight(penalty_weight, self.penalty_argument)
        super().__init__(layer, **kwargs)
        self.penalty_weight: Any = penalty_weight
        self.current_weight: Any = None  # the variable that holds it, where it changes
        self._controller: dict[str, keras.Variable] = {}

    def margins(self, kernel: SparseKernel) -> np.ndarray:
        """Returns how far each weight is from absent: at most 0 where it is, at evaluation."""
        raise NotImplementedError

    def shift_margins(self, kernel: SparseKernel, by: np.ndarray) -> None:
        """Moves the margin of every weight by an array, where a technique can; by default not."""

    def add_current_weight(self) -> None:
        """Creates the variables that hold the weight, where it changes, and a controller's."""
        weight = self.penalty_weight
        if is_number(weight) or self.current_weight is not None:
            return
        controlled = isinstance(weight, TargetSparsity)
        self.current_weight = self.add_weight(
            name="penalty_weight",
            shape=(),
            initializer=keras.initializers.Constant(0.0 if controlled else weight_at(weight, 0)),
            trainable=False,
        )
        for name in (
            ("step", "integral", "first_margin", "margin", "velocity", "band") if controlled else ()
        ):
            start = -1 if name == "step" else 0
            self._controller[name] = self.add_weight(
                name=f"controller_{name}",
                shape=(),
                dtype="int32" if name == "step" else "float32",
                initializer=keras.initializers.Constant(start),
                trainable=False,
            )

    @property
    def followed(self) -> Followed | None:
        """What the weight of the penalty follows, where it changes over time."""
        if is_number(self.penalty_weight):
            return None
        controlled = isinstance(self.penalty_weight, TargetSparsity)
        return (FollowedTarget if controlled else FollowedWeight)(self.penalty_weight)

    @property
    def update_group(self) -> Hashable | None:
        """The controller, which all layers of the technique with an equal one share."""
        controlled = isinstance(self.penalty_weight, TargetSparsity)
        return (type(self), self.penalty_weight) if controlled else None

    def update(self, step: int, value: float, members: Sequence[Any]) -> list:
        """Sets the weight that the penalty has now; a controller has a look at the layers first."""
        if not isinstance(self.penalty_weight, TargetSparsity):
            self.current_weight.assign(value)
            return []
        state, margins = self.controller_state(), _margins(members)
        state = self.penalty_weight.next_state(state, step, margins)
        for wrapper in members:
            wrapper.current_weight.assign(state.weight)
            for name, variable in wrapper._controller.items():
                variable.assign(getattr(state, name))
        if step >= self.penalty_weight.end_step:
            _hold(members, margins, self.penalty_weight.target)
        return []

    @classmethod
    def after_run(cls, layers: Sequence[Self]) -> None:
        """Warns if a run is over and its target was missed by more than two points."""
        groups: dict[TargetSparsity, list[Self]] = {}
        for layer in layers:
            if isinstance(layer.penalty_weight, TargetSparsity) and layer.sparse_kernels:
                groups.setdefault(layer.penalty_weight, []).append(layer)
        for controller, members in groups.items():
            found = float(np.mean(_margins(members) <= 0))
            state = members[0].controller_state()
            over = state.step + controller.frequency > controller.end_step
            if over and abs(found - controller.target) > _MISSED:
                most = ", the most it may" if state.integral >= MOST else ""
                warn(
                    f"`{cls.penalty_argument}` has not led to its target: {found:.2%} zeros in the "
                    f"layers of {cls.__name__} after this training, and {controller.target:.2%} "
                    f"wanted. The penalty weighs {state.weight:.3g} now{most}. Train longer, let "
                    "`end_step` come later, or change the learning rate."
                )

    def get_config(self) -> dict[str, Any]:
        """Returns the configuration."""
        weight = self.penalty_weight
        saved = weight if is_number(weight) else serialize_schedule(weight)
        return {**super().get_config(), self.penalty_argument: saved}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Self:
        """Creates the wrapper from its configuration."""
        weight = config[cls.penalty_argument]
        weight = weight if is_number(weight) else deserialize_schedule(weight)
        return super().from_config({**config, cls.penalty_argument: weight}, custom_objects)

    def controller_state(self) -> ControllerState:
        """Returns what the controller knew at its last update."""
        kept = {name: variable.numpy().item() for name, variable in self._controller.items()}
        return ControllerState(weight=float(self.current_weight.numpy()), **kept)


def _margins(wrappers):
    found = [w.margins(kernel).reshape(-1) for w in wrappers for kernel in w.sparse_kernels]
    return np.concatenate(found)


def _hold(wrappers, margins, target):
    """Has just the target share of weights absent: those whose margins are the smallest.

    A penalty alone arrives near it. Without any, some techniques go on losing weights. Where it has
    not arrived, nothing is done: many weights that matter would go at once, or many come back that
    do not.
    """
    count = round(target * margins.size)
    missing = count - np.count_nonzero(margins <= 0)
    left = margins.size - count
    if not -_MOST_BACK * left <= missing <= _MOST_DROPPED * left:
        return
    absent = np.zeros(margins.size, bool)
    absent[np.argpartition(margins, min(count, margins.size - 1))[:count]] = True
    to = np.where(absent, np.minimum(margins, -_BEYOND), np.maximum(margins, _BEYOND))
    by, begin = np.where(absent == (margins <= 0), 0.0, to - margins), 0
    for wrapper in wrappers:
        for kernel in wrapper.sparse_kernels:
            size = math.prod(kernel.shape)
            own = by[begin : begin + size].reshape(kernel.shape)
            begin += size
            if own.any():
                wrapper.shift_margins(kernel, own)


def _check_weight(weight, argument):
    refuse_class(argument, weight, f"{argument}=sos.schedules.Ramp(1e-4, 0, 1000)")
    of_the_step = callable(weight) and can_be_called_with(weight, 0)
    fits = of_the_step or isinstance(weight, TargetSparsity)
    if not fits and not (is_number(weight) and weight >= 0):
        raise ValueError(
            f"`{argument}` must be a number of at least 0, a callable step -> weight such as a "
            f"sos.schedules.Ramp, or a sos.schedules.TargetSparsity. Received: {weight!r}."
        )
