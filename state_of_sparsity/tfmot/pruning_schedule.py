"""`PruningSchedule`: the base of a schedule of one's own, and the one of `sparsity_m_by_n`."""

import abc
from typing import Any

import keras

from state_of_sparsity.schedules.configured import Configured
from state_of_sparsity.schedules.saving import deserialize_schedule, serialize_schedule
from state_of_sparsity.schedules.sparsity import SparsitySchedule
from state_of_sparsity.version import PACKAGE


class PruningSchedule(abc.ABC):
    """Says when to prune, and to which sparsity: `schedule(step) -> (should_prune, sparsity)`.

    A step is an integer here, the number of optimizer steps completed.

    Example:

    >>> class EveryStep(tfmot.sparsity.keras.PruningSchedule):
    ...     def __call__(self, step):
    ...         return self._should_prune_in_step(step, 0, 100, 1), 0.5
    >>> EveryStep()(3)
    (True, 0.5)
    """

    @abc.abstractmethod
    def __call__(self, step: int) -> tuple[bool, float]:
        """Returns whether masks are made anew at `step`, and the fraction of zeros."""

    def _should_prune_in_step(self, step, begin_step, end_step, frequency):
        """Returns whether `step` is an update's; an `end_step` of -1 is none."""
        in_range = begin_step <= step and (step <= end_step or end_step < 0)
        return bool(in_range and (step - begin_step) % frequency == 0)


@keras.saving.register_keras_serializable(package=PACKAGE)
class PatternSchedule(Configured):
    """The steps of a schedule, at the sparsity of `sparsity_m_by_n`, which asks for no other.

    Args:
        schedule: whose updates are made.
        target_sparsity: the fraction of zeros at each, `m / n`.
    """

    def __init__(self, schedule: SparsitySchedule, target_sparsity: float) -> None:
        self.schedule, self.target_sparsity = schedule, target_sparsity

    def __call__(self, step: int) -> tuple[bool, float]:
        should_prune, _ = self.schedule(step)
        return bool(should_prune), self.target_sparsity

    def last_update(self, step: int) -> int | None:
        """Returns when there was the last update, None if there was none or it is not known."""
        of_schedule = getattr(self.schedule, "last_update", None)
        if of_schedule is not None:
            return of_schedule(step)
        return next((s for s in range(step, -1, -1) if self.schedule(s)[0]), None)

    def unreached(self, start: int, end: int) -> str | None:
        """Returns a sentence if a run from `start` to `end` has no update."""
        never = self.last_update(end) is None
        return f"{self.schedule!r} has no update up to step {end}" if never else None

    def __repr__(self) -> str:  # one of the user's own need not be able to be saved
        return f"{type(self).__name__}({self.schedule!r}, {self.target_sparsity!r})"

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {
            "schedule": serialize_schedule(self.schedule),
            "target_sparsity": self.target_sparsity,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "PatternSchedule":
        """Creates the schedule from its configuration."""
        return cls(deserialize_schedule(config["schedule"]), config["target_sparsity"])
