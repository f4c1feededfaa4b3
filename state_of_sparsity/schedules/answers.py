"""What a schedule answers: the sparsity it wants at a step, and when it had its last update."""

import math
import operator
import time

import numpy as np

from state_of_sparsity.arguments import can_be_called_with
from state_of_sparsity.schedules.sparsity import SparsitySchedule
from state_of_sparsity.schedules.tfmot_twins import without_tensorflow

# A Python function answers as many in a tenth of a second, one that computes with tensors does not.
MOST_STEPS_ASKED = 100_000
MOST_SECONDS_ASKED = 5.0


class TooManySteps(ValueError):
    """A schedule that does not say when its last update was, and had none for very long."""


def sparsity_due(schedule: SparsitySchedule, step: int) -> float | None:
    """Returns the sparsity that a schedule wants at `step`, or None if it wants no update.

    Raises:
        ValueError: if it answers anything but `(should_prune, sparsity)`.
    """
    answer = schedule(step)
    try:
        should_prune, sparsity = answer
        if not _truth(should_prune):
            return None
        value = _as_meant(sparsity)
    except (TypeError, ValueError, OverflowError):
        value = None
    if value is None or not 0 <= value < 1:
        raise ValueError(
            "`schedule` must return (should_prune, sparsity): whether an update is due, and a "
            "sparsity in [0, 1), the fraction of zeros. "
            f"Received: {answer!r} from {schedule!r} at step {step}."
        )
    return value


def sparsity_at(schedule: SparsitySchedule, step: int) -> float | None:
    """Returns the sparsity that a schedule has at `step`, whether or not an update is due.

    None where it has none: one without an update need not say a number. TF-MOT's own would refuse
    steps such as 20.0, which its twins, that training asks, take for 20.
    """
    answer = without_tensorflow(schedule)(step)
    try:
        _, sparsity = answer
        value = _as_meant(sparsity)
    except (TypeError, ValueError, OverflowError):
        return None
    return value if 0 <= value < 1 else None


def last_due(schedule: SparsitySchedule, first: int, last: int) -> tuple[int, float] | None:
    """Returns the last step from `first` to `last` with an update, and its sparsity.

    Of several steps, a schedule with a method `last_update(step)` is asked for it. Of others
    nothing is known but by asking for one step after another, from the last one back.

    Returns:
        A pair of step and sparsity, or None if there is no update.

    Raises:
        TooManySteps: if a schedule without `last_update` has none in the last 100,000 steps, or
            in as many as it answers for in 5 seconds, and there are more.
        ValueError: if it answers nonsense.
    """
    if first == last:  # as in training at every step, which a longer way would slow down
        sparsity = sparsity_due(schedule, last)
        return None if sparsity is None else (last, sparsity)
    if says_last_update(schedule):
        step = _last_update(schedule, last)
        return None if step is None or step < first else (step, _sparsity_promised(schedule, step))
    end = time.monotonic() + MOST_SECONDS_ASKED
    for step in range(last, first - 1, -1):
        sparsity = sparsity_due(schedule, step)
        if sparsity is not None:
            return step, sparsity
        asked = last - step + 1
        if step > first and (asked == MOST_STEPS_ASKED or time.monotonic() > end):
            raise TooManySteps(
                f"`schedule` has no update in the {asked:,} steps up to {last}, and it would take "
                f"too long to ask about all from {first} on. Received: {schedule!r}. Update more "
                "often, or give it a method `last_update(step)` that returns the last step up to "
                "`step` at which an update is due, and None before the first."
            )
    return None


def says_last_update(schedule: object) -> bool:
    """Returns whether a schedule says when its last update was, and speaks for itself in that.

    A subclass may say anew when updates are due, and inherit a `last_update` that does not know.
    """
    method = getattr(schedule, "last_update", None)
    if not callable(method) or not can_be_called_with(method, 0):
        return False
    for names in (getattr(schedule, "__dict__", {}), *map(vars, type(schedule).__mro__)):
        if "last_update" in names:
            return True
        if "__call__" in names or "should_prune" in names:
            return False
    return False


def _last_update(schedule, step):
    answer = schedule.last_update(step)
    if answer is None:
        return None
    try:
        found = operator.index(answer)
    except TypeError:
        found = -1
    if isinstance(answer, bool) or not 0 <= found <= step:
        raise ValueError(
            "`last_update` must return the last step up to `step` at which an update is due, and "
            f"None before the first. Received: {answer!r} from {schedule!r} for step {step}."
        )
    return found


def _sparsity_promised(schedule, step):
    sparsity = sparsity_due(schedule, step)
    if sparsity is None:
        raise ValueError(
            "`last_update` must return a step at which the schedule wants an update. Received: "
            f"{step} from {schedule!r}, which wants none then."
        )
    return sparsity


def _truth(value) -> bool:
    """Returns what a truth value of any library says; a 0 or 1 is one too, a sparsity is not."""
    found = np.asarray(False) if value is None else _single(value)
    if found.dtype != bool and (found.dtype.kind in "SU" or float(found) not in (0.0, 1.0)):
        raise ValueError("not a truth value")
    return bool(found)


def _as_meant(value) -> float:
    """Returns the shortest decimal that a number of any library stands for.

    A float32 0.9 is 0.89999998 and a bfloat16 0.9 is 0.8984375: both count as 0.9.
    """
    value = _single(value)
    if value.dtype.kind in "bSUmMc":  # True is no fraction, and "0.5" no number
        raise TypeError("not a number")
    exact = float(value.astype(np.float64))
    if value.dtype.kind not in "fV" or value.dtype.itemsize >= 8 or not math.isfinite(exact):
        return exact
    candidates = (float(f"{exact:.{digits}g}") for digits in range(1, 17))
    return next((c for c in candidates if value.dtype.type(c) == value), exact)


def _single(value) -> np.ndarray:
    """Returns a number or tensor of one value as an array without axes."""
    if hasattr(value, "numpy"):  # numpy itself cannot read TensorFlow's bfloat16 numbers
        value = value.numpy()
    return np.asarray(value).reshape(())  # a ValueError if there are several
