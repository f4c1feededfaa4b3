"""What an optimizer of Keras does, also where others are wrapped around it: its learning rate."""

from typing import Any

import keras
from keras import ops

from state_of_sparsity.wrapping.keras_optimizers import given_learning_rate, trains_something

# What wrappers call the optimizer inside: Keras's loss scaler, then those that average weights.
_INSIDE = ("inner_optimizer", "optimizer", "_optimizer")
LearningRate = float | keras.optimizers.schedules.LearningRateSchedule


def innermost(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """Returns the optimizer that takes the steps, inside all that are wrapped around it.

    In float16 Keras wraps one that scales the loss, whose own learning rate is 0.

    Args:
        optimizer: a Keras optimizer.

    Example:

    >>> adam = keras.optimizers.Adam(0.1)
    >>> innermost(keras.optimizers.LossScaleOptimizer(adam)) is adam
    True
    """
    for name in _INSIDE:
        inner = getattr(optimizer, name, None)
        if isinstance(inner, keras.optimizers.Optimizer) and inner is not optimizer:
            return innermost(inner)
    return optimizer


def stepping_optimizers(optimizer: keras.optimizers.Optimizer) -> list[keras.optimizers.Optimizer]:
    """Returns the optimizers that have learning rates: one, but where layers are shared out."""
    optimizer = innermost(optimizer)
    several = getattr(optimizer, "optimizers", None)
    if not several:
        return [optimizer]
    return [inner for each in several for inner in stepping_optimizers(each)]


def steps_done(optimizer: keras.optimizers.Optimizer) -> int:
    """Returns the number of steps that an optimizer has completed.

    Where layers are shared out among several, of the one that has completed fewest, of those that
    train any.
    """
    counting = [optimizer]
    if getattr(innermost(optimizer), "optimizers", None):
        several = stepping_optimizers(optimizer)
        counting = [each for each in several if trains_something(each)] or counting
    # Through a tensor: a distributed variable is no number, and an accumulating count no variable.
    counts = [ops.convert_to_tensor(each.iterations) for each in counting]
    return min(int(ops.convert_to_numpy(count)) for count in counts)


def batches_a_step(optimizer: keras.optimizers.Optimizer) -> int:
    """Returns over how many batches an optimizer accumulates gradients, the most of several."""
    several = stepping_optimizers(optimizer)
    return max(getattr(each, "gradient_accumulation_steps", None) or 1 for each in several)


def schedule_of(optimizer: keras.optimizers.Optimizer) -> Any:
    """Returns what an optimizer was given as its learning rate, whatever is wrapped around it.

    A schedule, a function without arguments, or a variable, which the public property evaluates;
    None of an optimizer that has none. Where layers are shared out among several, the first one's.
    """
    return given_learning_rate(stepping_optimizers(optimizer)[0])


def present_learning_rate(optimizer: keras.optimizers.Optimizer) -> float:
    """Returns the learning rate of the step that comes next."""
    return _number(stepping_optimizers(optimizer)[0].learning_rate)


def learning_rate_at(optimizer: keras.optimizers.Optimizer, step: int) -> float:
    """Returns the learning rate of the step that follows `step` completed ones.

    Where no schedule decides it, it is the present one.

    Args:
        optimizer: a Keras optimizer.
        step: steps completed.
    """
    schedule = schedule_of(optimizer)
    if isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
        return _number(schedule(ops.convert_to_tensor(int(step))))
    return present_learning_rate(optimizer)


def _number(value):
    # Through a tensor: a distributed variable is no number.
    return float(ops.convert_to_numpy(ops.convert_to_tensor(value)))
