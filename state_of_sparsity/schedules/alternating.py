"""`Alternating`: phases of training sparse and dense in turn, sparse at last."""

from typing import Any

import keras

from state_of_sparsity.arguments import check_integer
from state_of_sparsity.schedules.configured import Configured
from state_of_sparsity.schedules.sparsity import check_sparsity
from state_of_sparsity.version import PACKAGE


@keras.saving.register_keras_serializable(package=PACKAGE)
class Alternating(Configured):
    """A sparsity in every other phase, and none in those between; updates where phases begin.

    Dense until `begin_step`. From there on phases of `phase_steps` take turns, compressed ones at
    `target_sparsity` and decompressed ones at 0, for as long as one of each ends by `end_step`. The
    last decompressed one lasts until `end_step`, where the last compressed one begins, which has no
    end.

    Args:
        target_sparsity: fraction of zeros in compressed phases, in [0, 1).
        begin_step: step at which the first compressed phase begins, at least 0.
        phase_steps: length of a phase, at least 1.
        end_step: step at which the last compressed phase begins, at least `begin_step + 2 *
            phase_steps`; a multiple of `2 * phase_steps` later, no phase is longer than others.

    Raises:
        ValueError: if an argument is outside its range.

    Example:

    >>> schedule = sos.schedules.Alternating(0.9, begin_step=100, phase_steps=50, end_step=200)
    >>> [schedule(step) for step in (100, 150, 175, 200)]
    [(True, 0.9), (True, 0.0), (False, 0.0), (True, 0.9)]

    Reference: Peste et al., "AC/DC: Alternating Compressed/DeCompressed Training of Deep Neural
    Networks", 2021, algorithm 1.
    """

    def __init__(
        self, target_sparsity: float, begin_step: int, phase_steps: int, end_step: int
    ) -> None:
        check_sparsity("target_sparsity", target_sparsity)
        check_integer("begin_step", begin_step, 0)
        check_integer("phase_steps", phase_steps, 1)
        check_integer("end_step", end_step, 0)
        if end_step < begin_step + 2 * phase_steps:
            raise ValueError(
                "`end_step` must be at least `begin_step + 2 * phase_steps`, for a compressed and "
                f"a decompressed phase. Received: begin_step={begin_step}, "
                f"phase_steps={phase_steps}, end_step={end_step}."
            )
        self.target_sparsity = target_sparsity
        self.begin_step, self.end_step = int(begin_step), int(end_step)
        self.phase_steps = int(phase_steps)

    def last_update(self, step: int) -> int | None:
        """Returns the first step of the phase that `step` is in, None in the dense warm-up."""
        if step < self.begin_step:
            return None
        if step >= self.end_step:
            return self.end_step
        return self.begin_step + self._phase(step) * self.phase_steps

    def _phase(self, step):
        """Returns the index of the phase of a step before the end; compressed ones are even."""
        pairs = (self.end_step - self.begin_step) // (2 * self.phase_steps)
        return min((step - self.begin_step) // self.phase_steps, 2 * pairs - 1)

    def sparsity(self, step: int) -> float:
        """Returns the sparsity at `step`, whether or not an update is due."""
        if step < self.begin_step or (step < self.end_step and self._phase(step) % 2):
            return 0.0
        return self.target_sparsity

    def __call__(self, step: int) -> tuple[bool, float]:
        return self.last_update(step) == step, self.sparsity(step)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {
            "target_sparsity": self.target_sparsity,
            "begin_step": self.begin_step,
            "phase_steps": self.phase_steps,
            "end_step": self.end_step,
        }
