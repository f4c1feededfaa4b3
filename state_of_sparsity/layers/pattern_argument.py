"""What a pattern asks of the technique it is given to: its schedule, and that zeros are its own."""

from collections.abc import Sequence
from typing import Any

import keras

from state_of_sparsity.arguments import refuse_class
from state_of_sparsity.patterns.pattern import NEARLY, Pattern
from state_of_sparsity.schedules.answers import TooManySteps
from state_of_sparsity.schedules.sparsity import SparsitySchedule
from state_of_sparsity.user_warnings import warn


def check_is_pattern(pattern: Any) -> None:
    """Raises a `ValueError` unless `pattern` is a pattern or None."""
    refuse_class("pattern", pattern, "sos.patterns.NOfM(2, 4)")
    if pattern is not None and not isinstance(pattern, Pattern):
        raise ValueError(
            "`pattern` must be None or one of sos.patterns, such as sos.patterns.NOfM(2, 4). "
            f"Received: {pattern!r}."
        )


def check_pattern(pattern: Any, schedule: SparsitySchedule, distribution: Any) -> None:
    """Raises a `ValueError` unless a pattern goes with the other arguments of a technique."""
    check_is_pattern(pattern)
    if pattern is None:
        return
    pattern.check_schedule(schedule)
    if distribution is not None and pattern.sparsity is not None:
        raise ValueError(
            f"`distribution` must be None with the pattern {pattern}, which says itself how many "
            f"zeros each kernel has. Received: distribution={distribution!r}. Leave one of the two "
            "out."
        )


def pattern_config(pattern: Pattern | None) -> dict[str, Any]:
    """Returns what a pattern adds to the configuration of a technique: nothing, without one."""
    return {} if pattern is None else {"pattern": keras.saving.serialize_keras_object(pattern)}


def pattern_in(config: dict[str, Any]) -> dict[str, Pattern]:
    """Returns what `pattern_config` has put into a configuration, made anew."""
    found = config.get("pattern")
    return {} if found is None else {"pattern": keras.saving.deserialize_keras_object(found)}


def check_sparsity_of_patterns(wrappers: Sequence[Any], sparsity: float) -> None:
    """Raises a `ValueError` if an update is due to a sparsity that a pattern cannot have."""
    for wrapper in wrappers:
        if wrapper.pattern is not None:
            wrapper.pattern.check_sparsity(sparsity, f"{sparsity} for '{wrapper.name}'")


def check_run_of_patterns(wrappers: Sequence[Any], start: int, end: int) -> None:
    """Checks, before a run, the sparsity that layers will have at its end.

    Args:
        wrappers: the sparse layers of a technique.
        start: step at which the run starts.
        end: step at which it ends.

    Raises:
        ValueError: if that is more than a pattern can have. Less is warned of.
    """
    patterned = [w for w in wrappers if w.pattern is not None and w.pattern.sparsity is not None]
    for pattern, followed in {
        (wrapper.pattern, wrapper.followed.key): (wrapper.pattern, wrapper.followed)
        for wrapper in patterned
    }.values():
        try:
            due = followed.value_due(start, end)
        except TooManySteps:
            continue
        if due is None or followed.unreached(start, end):  # of which there is a warning already
            continue
        step, sparsity = due
        pattern.check_sparsity(sparsity, f"{sparsity} at step {step}, of {followed!r}")
        if sparsity < pattern.sparsity - NEARLY:
            warn(
                f"The pattern {pattern} is not reached: `schedule` must end at a sparsity of "
                f"{pattern.sparsity} for it. Received: {sparsity} at step {step}, of {followed!r}."
            )
