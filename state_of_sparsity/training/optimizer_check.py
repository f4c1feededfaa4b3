"""Whether an optimizer's numbers can train anything, where Keras takes whatever it is given."""

import math

import keras
import numpy as np

from state_of_sparsity.arguments import is_number
from state_of_sparsity.optimizers.learning_rate import innermost, schedule_of, stepping_optimizers
from state_of_sparsity.user_warnings import warn
from state_of_sparsity.version import PACKAGE

_TRIED_STEPS = 11
_GREATEST = 1e38  # nearly what float32 holds
# Attributes of Keras's optimizers, called as their arguments, and what they must be if not None.
_FRACTIONS = ("beta_1", "beta_2", "rho", "momentum", "ema_momentum")
_NOT_NEGATIVE = ("epsilon", "weight_decay", "initial_accumulator_value")
_ABOVE_0 = ("clipnorm", "global_clipnorm", "clipvalue", "loss_scale_factor")
_BOOLEANS = ("nesterov", "amsgrad", "centered", "use_ema")
_ALLOWED = {
    **dict.fromkeys(_FRACTIONS, ("a number in [0, 1)", lambda v: is_number(v) and 0 <= v < 1)),
    **dict.fromkeys(
        _NOT_NEGATIVE, ("a number of at least 0", lambda v: v is False or (is_number(v) and v >= 0))
    ),
    **dict.fromkeys(_ABOVE_0, ("a number above 0", lambda v: is_number(v) and v > 0)),
    "ema_overwrite_frequency": (
        "an integer of at least 1",
        lambda v: is_number(v) and v == int(v) and v >= 1,
    ),
    **dict.fromkeys(_BOOLEANS, ("True or False", lambda v: isinstance(v, bool))),
}


def check_optimizer(optimizer, steps):
    """Raises unless the numbers of an optimizer, and its learning rate over a run, make sense.

    Warns where the learning rate is 0 from the first step to the last.

    Args:
        optimizer: a Keras optimizer.
        steps: optimizer steps of the run.

    Raises:
        ValueError: naming the argument.
    """
    inner = innermost(optimizer)
    for name, (what, is_allowed) in _ALLOWED.items():
        value = getattr(inner, name, None)
        if value is not None and not is_allowed(value):
            raise ValueError(f"`{name}` must be {what}. Received: {value!r}.")
    if any(getattr(each, "use_ema", False) for each in stepping_optimizers(optimizer)):
        raise ValueError(
            "`use_ema` must be False in an experiment: Keras puts the averages in when training "
            "has ended, after the last validation and checkpoint, which have other weights. "
            "Received: True. Take the mean of checkpoints: `Experiment.averaged_checkpoints`."
        )
    rate = schedule_of(optimizer)
    tried = sorted({(steps - 1) * part // (_TRIED_STEPS - 1) for part in range(_TRIED_STEPS)})
    if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        _check_schedule(rate)
    elif callable(rate):
        tried, rate = [0], lambda _, given=rate: given()
    else:
        tried, rate = [0], lambda _, given=rate: given
    values = [_rate_at(rate, step) for step in tried]
    if not any(values):
        warn("`learning_rate` is 0 at every step: nothing is learned. Is that meant?")


def _check_schedule(schedule):
    """Raises where an argument of a schedule, as Keras calls them, is no number or out of range."""
    for name, value in vars(schedule).items():
        several = name == "values" and isinstance(value, (list, tuple))
        if not several and not name.endswith(("learning_rate", "alpha", "warmup_target")):
            continue
        for number in value if several else [value]:
            is_left_out = number is None and name == "warmup_target"
            if not is_left_out and not (is_number(number) and 0 <= number <= _GREATEST):
                raise ValueError(
                    f"`{name}` must be a number from 0 to {_GREATEST}. Received: {value!r}, for "
                    f"the learning rate's {type(schedule).__name__}."
                )


def _rate_at(rate, step):
    """Returns the learning rate at a step.

    Raises:
        ValueError: if it is no finite number of at least 0.
    """
    try:
        # Through a tensor: a distributed variable is no number.
        value = keras.ops.convert_to_numpy(keras.ops.convert_to_tensor(rate(step)))
        value = np.asarray(value, "float64")
        if value.shape:
            raise ValueError(f"numbers of shape {value.shape}")
        value = float(value)
    except Exception as error:  # what schedules raise that were given something else than numbers
        if type(rate).__module__.startswith(f"{PACKAGE}."):  # ours check what they are given
            raise
        raise ValueError(
            f"`learning_rate` must be a number at every step. Received: an error at step {step:,}, "
            f"{type(error).__name__}: {error}"
        ) from error
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(
            "`learning_rate` must be a finite number of at least 0 at every step. "
            f"Received: {value:g} at step {step:,}."
        )
    return value
