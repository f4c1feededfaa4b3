"""What `UpdateSparsity` follows for a layer: what is due in some steps, and what a run misses."""

import json
from collections.abc import Callable, Hashable
from typing import Protocol

import numpy as np

from state_of_sparsity.arguments import is_number
from state_of_sparsity.schedules.alternating import Alternating
from state_of_sparsity.schedules.answers import last_due, says_last_update, sparsity_due
from state_of_sparsity.schedules.ramp import Ramp
from state_of_sparsity.schedules.sparsity import (
    ConstantSparsity,
    PolynomialDecay,
    SparsitySchedule,
)
from state_of_sparsity.schedules.target_sparsity import TargetSparsity
from state_of_sparsity.schedules.tfmot_twins import without_tensorflow


class Followed(Protocol):
    """What a sparse layer has its state follow over the steps.

    Attributes:
        key: equal for those that say the same: layers that share one are asked about once.
        says_sparsity: whether its values are the sparsities of masks.
    """

    key: Hashable
    says_sparsity: bool

    def value_due(self, first: int, last: int) -> tuple[int, float] | None:
        """Returns the latest step from `first` to `last` with an update, and the value then."""

    def first_update(self, last: int | None) -> tuple[int, float] | None:
        """Returns the first update of a run from step 0, None if it cannot be known then."""

    def unreached(self, start: int, end: int) -> str | None:
        """Returns a sentence if a run from `start` to `end` does not reach the final value."""


class FollowedSparsity:
    """A schedule of sparsity, and masks that have it."""

    says_sparsity = True

    def __init__(self, schedule: SparsitySchedule) -> None:
        self.schedule = without_tensorflow(schedule)
        self.key = _identity(self.schedule)

    def __repr__(self) -> str:
        return repr(self.schedule)

    def value_due(self, first: int, last: int) -> tuple[int, float] | None:
        """Returns the latest step from `first` to `last` with an update, and its sparsity.

        Raises:
            TooManySteps: if it would have to be asked about too many steps.
        """
        return last_due(self.schedule, first, last)

    def first_update(self, last: int | None) -> tuple[int, float] | None:
        """Returns the update at `begin_step`, or at step 0 if it does not say when it begins."""
        step = getattr(self.schedule, "begin_step", 0)
        if not isinstance(step, int) or (last is not None and step > last):
            return None
        sparsity = sparsity_due(self.schedule, step)
        return None if sparsity is None else (step, sparsity)

    def unreached(self, start: int, end: int) -> str | None:
        """Returns a sentence if the last update of a run has not the final sparsity."""
        schedule = self.schedule
        if hasattr(schedule, "unreached"):
            return schedule.unreached(start, end)
        if not isinstance(schedule, (Alternating, ConstantSparsity, PolynomialDecay)):
            return None
        if not says_last_update(schedule):
            return None
        if isinstance(schedule, Alternating):
            late = end < schedule.end_step
            return f"{schedule} has its last phase after the run's end" if late else None
        last = schedule.last_update(end)
        if last is None:
            return f"{schedule} begins at step {schedule.begin_step}, after the run's end"
        if isinstance(schedule, PolynomialDecay) and start <= schedule.end_step:
            return _short_of_the_end(schedule, last, end)
        return None


class FollowedWeight:
    """A callable `step -> weight of a penalty`, such as a `Ramp`."""

    says_sparsity = False

    def __init__(self, weight: Callable[[int], float]) -> None:
        self.weight = weight
        self.key = _identity(weight)

    def __repr__(self) -> str:
        return repr(self.weight)

    def value_due(self, first: int, last: int) -> tuple[int, float] | None:
        """Returns `last` and the weight then, if it is another than before `first`."""
        value = weight_at(self.weight, last)
        if first > 0 and value == weight_at(self.weight, first - 1):
            return None
        return last, value

    def first_update(self, last: int | None) -> None:
        """Returns None: a weight undoes nothing that a model has."""

    def unreached(self, start: int, end: int) -> str | None:
        """Returns a sentence if a `Ramp` arrives after the end of a run."""
        ramp = self.weight
        if not isinstance(ramp, Ramp) or type(ramp).__call__ is not Ramp.__call__:
            return None
        late = end < ramp.end_step
        return f"{ramp} arrives at step {ramp.end_step}, after the run's end" if late else None


class FollowedTarget:
    """A controller of a penalty's weight, which looks at the layers at its steps."""

    says_sparsity = False

    def __init__(self, controller: TargetSparsity) -> None:
        self.controller = controller
        self.key = _identity(controller)

    def __repr__(self) -> str:
        return repr(self.controller)

    def value_due(self, first: int, last: int) -> tuple[int, float] | None:
        """Returns the latest step from `first` to `last` with an update, and the target."""
        step = self.controller.last_update(last)
        return None if step is None or step < first else (step, self.controller.target)

    def first_update(self, last: int | None) -> None:
        """Returns None: a weight undoes nothing that a model has."""

    def unreached(self, start: int, end: int) -> str | None:
        """Returns a sentence if a run ends before the sparsity is to arrive."""
        step = self.controller.end_step
        return (
            f"{self.controller} arrives at step {step}, after the run's end" if end < step else None
        )


def weight_at(weight: Callable[[int], float], step: int) -> float:
    """Returns the weight of a penalty at `step`.

    Raises:
        ValueError: if it is no number of at least 0.
    """
    answer = weight(step)
    number = answer.item() if hasattr(answer, "item") else answer
    if not (is_number(number) and number >= 0):
        raise ValueError(
            "The weight of a penalty must be a number of at least 0 at every step. "
            f"Received: {answer!r} from {weight!r} at step {step}."
        )
    return float(number)


def _short_of_the_end(schedule, last, end):
    reached = schedule.sparsity(last)
    if last == schedule.end_step or reached == schedule.final_sparsity:
        return None
    sentence = (
        f"{schedule} has its last update at step {last}, with a sparsity of {reached:.4f} "
        f"instead of {schedule.final_sparsity}"
    )
    if end >= schedule.end_step:  # so it is one of TF-MOT's
        sentence += (
            ", since `frequency` does not divide `end_step - begin_step`: choose one that does, or "
            "use sos.schedules.PolynomialDecay, which updates at `end_step` too"
        )
    return sentence


def _identity(schedule):
    """Returns a key that is equal for schedules of one class, configuration and state.

    Layers whose rule made a schedule each have equal ones, which need to be asked once.
    """
    try:
        # The state too: a subclass may have inherited `get_config` and differ all the same.
        parts = schedule.get_config(), vars(schedule)
        return type(schedule), json.dumps(parts, sort_keys=True, default=_parts_of)
    except Exception:  # a configuration of the user's own that cannot be had, or compared
        return id(schedule)


def _parts_of(value):
    """Returns all of a value that JSON does not know, as its `repr` need not have it."""
    if isinstance(value, np.ndarray):
        return str(value.dtype), value.shape, value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, set | frozenset):
        return sorted(value)
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    if hasattr(value, "get_config"):
        return kind, value.get_config(), vars(value)
    return kind, id(value)  # a function, or what cannot be looked into
