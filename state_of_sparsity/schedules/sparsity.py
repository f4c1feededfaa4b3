"""Schedules of sparsity: how sparse at which step.

A sparsity schedule is any callable `schedule(step) -> (should_prune, sparsity)`: TF-MOT's
`PruningSchedule`s are, and so are the two classes here, which have TF-MOT's arguments and values,
need no TensorFlow, and update at `end_step` too. `step` counts optimizer steps completed.

It may have a method `last_update(step)` too, which returns the last step up to `step` at which an
update is due, and None before the first: it is asked where steps were skipped. Without it, or where
a subclass calls anew and inherits it, the schedule is asked about 100,000 steps at most.
"""

from collections.abc import Callable
from typing import Any

import keras

from state_of_sparsity.arguments import can_be_called_with, check_number, is_number, refuse_class
from state_of_sparsity.schedules.configured import Configured, check_steps
from state_of_sparsity.version import PACKAGE

# `schedule(step) -> (should_prune, sparsity)`; truth values and numbers of any library.
SparsitySchedule = Callable[[int], tuple[Any, Any]]


class _PeriodicSchedule(Configured):
    """Prunes at `begin_step`, every `frequency` steps from there, and at `end_step`."""

    # TF-MOT leaves `end_step` out where `frequency` does not divide the way to it.
    updates_at_end = True

    def __init__(self, begin_step: int, end_step: int, frequency: int) -> None:
        check_steps(begin_step, end_step, frequency)
        self.begin_step, self.end_step = int(begin_step), int(end_step)
        self.frequency = int(frequency)

    def sparsity(self, step: int) -> float:
        """Returns the sparsity at `step`, whether or not an update is due."""
        raise NotImplementedError

    def should_prune(self, step: int) -> bool:
        return step >= self.begin_step and self.last_update(step) == step

    def last_update(self, step: int) -> int | None:
        """Returns the last step up to `step` at which an update is due, or None before the first.

        It answers for any time, past the end too, without looking at the steps one by one.
        """
        if step < self.begin_step:
            return None
        if 0 <= self.end_step <= step:
            step = self.end_step
            if self.updates_at_end:
                return step
        return step - (step - self.begin_step) % self.frequency

    def __call__(self, step: int) -> tuple[bool, float]:
        return self.should_prune(step), self.sparsity(step)


@keras.saving.register_keras_serializable(package=PACKAGE)
class ConstantSparsity(_PeriodicSchedule):
    """The same sparsity at every update.

    Args:
        target_sparsity: fraction of zeros, in [0, 1).
        begin_step: step of the first update, at least 0.
        end_step: step of the last update; -1 for ever.
        frequency: steps from one update to the next, at least 1.

    Raises:
        ValueError: if an argument is outside its range.

    Example:

    >>> sos.schedules.ConstantSparsity(0.5, begin_step=10, frequency=5)(15)
    (True, 0.5)

    Reference: `tfmot.sparsity.keras.ConstantSparsity`, which updates at `end_step` only if
    `frequency` divides `end_step - begin_step`.
    """

    def __init__(
        self, target_sparsity: float, begin_step: int, end_step: int = -1, frequency: int = 100
    ) -> None:
        super().__init__(begin_step, end_step, frequency)
        check_sparsity("target_sparsity", target_sparsity)
        self.target_sparsity = target_sparsity

    def sparsity(self, step: int) -> float:
        """Returns the target."""
        return self.target_sparsity

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {
            "target_sparsity": self.target_sparsity,
            "begin_step": self.begin_step,
            "end_step": self.end_step,
            "frequency": self.frequency,
        }


@keras.saving.register_keras_serializable(package=PACKAGE)
class PolynomialDecay(_PeriodicSchedule):
    """Sparsity that grows fast at first and levels off at its final value.

    `final + (initial - final) * (1 - p)^power` with
    `p = clip((step - begin_step) / (end_step - begin_step), 0, 1)`.

    Args:
        initial_sparsity: fraction of zeros at `begin_step`, in [0, 1).
        final_sparsity: fraction of zeros at `end_step`, in [0, 1).
        begin_step: step of the first update, at least 0.
        end_step: step of the last update, above `begin_step`.
        power: exponent, above 0; 3 is the cubic schedule of the paper.
        frequency: steps from one update to the next, at least 1; the last may come sooner.

    Raises:
        ValueError: if an argument is outside its range.

    Example:

    >>> sos.schedules.PolynomialDecay(0.0, 0.5, begin_step=0, end_step=200)(100)
    (True, 0.4375)

    Reference: Zhu and Gupta, 2017, equation 1; `tfmot.sparsity.keras.PolynomialDecay`, which
    updates at `end_step` only if `frequency` divides `end_step - begin_step`.
    """

    def __init__(
        self,
        initial_sparsity: float,
        final_sparsity: float,
        begin_step: int,
        end_step: int,
        power: float = 3,
        frequency: int = 100,
    ) -> None:
        super().__init__(begin_step, end_step, frequency)
        if self.end_step <= self.begin_step:
            raise ValueError(
                "`end_step` must be above `begin_step`. "
                f"Received: begin_step={begin_step}, end_step={end_step}."
            )
        check_sparsity("initial_sparsity", initial_sparsity)
        check_sparsity("final_sparsity", final_sparsity)
        check_number("power", power, above=0)
        self.initial_sparsity, self.final_sparsity = initial_sparsity, final_sparsity
        self.power = power

    def sparsity(self, step: int) -> float:
        """Returns the sparsity at `step`, whether or not an update is due."""
        done = (step - self.begin_step) / (self.end_step - self.begin_step)
        left = (1 - min(1.0, max(0.0, done))) ** self.power
        return self.initial_sparsity * left + self.final_sparsity * (1 - left)  # exact at both ends

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {
            "initial_sparsity": self.initial_sparsity,
            "final_sparsity": self.final_sparsity,
            "begin_step": self.begin_step,
            "end_step": self.end_step,
            "power": self.power,
            "frequency": self.frequency,
        }


def check_schedule(schedule: object) -> None:
    """Raises a `ValueError` unless `schedule` can be called with a step."""
    refuse_class("schedule", schedule, "sos.schedules.ConstantSparsity(0.5, begin_step=0)")
    if not callable(schedule) or not can_be_called_with(schedule, 0):
        raise ValueError(
            "`schedule` must be callable as schedule(step) -> (should_prune, sparsity), such as "
            "tfmot.sparsity.keras.PolynomialDecay or sos.schedules.ConstantSparsity(0.5, 0). "
            f"Received: {schedule!r} (of type {type(schedule).__name__})."
        )


def check_sparsity(name: str, value: Any) -> None:
    """Raises a `ValueError` that names the argument unless `value` is a number in [0, 1)."""
    if not (is_number(value) and 0 <= value < 1):
        raise ValueError(
            f"`{name}` must be a fraction of zeros in [0, 1): 0.9 keeps a tenth of the weights. "
            f"Received: {value!r}."
        )
