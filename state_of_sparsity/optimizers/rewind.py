"""`rewind`: has an optimizer begin in the midst of its learning rate, or take longer for it."""

import keras

from state_of_sparsity.optimizers.learning_rate import (
    learning_rate_at,
    schedule_of,
    stepping_optimizers,
)
from state_of_sparsity.optimizers.rewound import Rewound

_TRIED_STEPS = 100
# Of its peak: a schedule that has fallen below has ended, and trains nothing any more.
_LEAST_RATE = 1e-5


def rewind(
    optimizer: keras.optimizers.Optimizer,
    last: int,
    first: int = 0,
    stretch: float = 1.0,
    beyond: bool = False,
    final_rate: float | None = None,
) -> None:
    """Has an optimizer follow its learning rate from `first` on, stretched, as `Rewound` does.

    One without a schedule is left as it is, unless it ends at another rate. Of several among which
    layers are shared out, each follows its own.

    Args:
        optimizer: the optimizer, built where it makes those that take the steps by then.
        last: the step at which its schedule ends.
        first: the step of it to begin at.
        stretch: how many times as long it takes.
        beyond: whether the run goes on after `last`.
        final_rate: the learning rate beyond it; `None` for the last value of the schedule.

    Raises:
        ValueError: if the last value of a schedule is needed, and is nothing.
    """
    for inner in stepping_optimizers(optimizer):
        given = schedule_of(inner)
        is_schedule = isinstance(given, keras.optimizers.schedules.LearningRateSchedule)
        changed = (first, stretch, beyond) != (0, 1.0, False)
        if changed and callable(given) and not is_schedule:
            raise ValueError(
                "`learning_rate` must be a number or a schedule of keras.optimizers.schedules "
                f"where `start` changes it. Received: {given!r}, which knows no steps."
            )
        if beyond and final_rate is not None:
            schedule = given if is_schedule else learning_rate_at(inner, 0)
            inner.learning_rate = Rewound(schedule, first, last, stretch, final_rate)
        elif is_schedule and changed:
            if beyond:
                _check_last_rate(inner, last)
            inner.learning_rate = Rewound(given, first, last, stretch)


def _check_last_rate(optimizer, last):
    tried = (last * part // _TRIED_STEPS for part in range(_TRIED_STEPS))
    peak = max(learning_rate_at(optimizer, step) for step in tried)
    rate = learning_rate_at(optimizer, last)
    if rate <= _LEAST_RATE * peak:
        raise ValueError(
            f"`final_rate` must be given: the learning rate's schedule ends at {rate:g}, which "
            f"trains nothing (its peak is {peak:g}). Received: None. Bind a rate, such as "
            f"{peak / 100:g}."
        )
