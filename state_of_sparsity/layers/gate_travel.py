"""Warnings that a run is too short for the gates of L0 regularization to shut."""

import math
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from keras import ops

from state_of_sparsity.optimizers.learning_rate import learning_rate_at
from state_of_sparsity.schedules.followed import weight_at
from state_of_sparsity.schedules.target_sparsity import TargetSparsity
from state_of_sparsity.user_warnings import warn

# These move a variable by about the learning rate a step, whatever the size of its gradient.
_BY_THE_LEARNING_RATE = (
    keras.optimizers.Adam,
    keras.optimizers.AdamW,
    keras.optimizers.Adamax,
    keras.optimizers.Lion,
    keras.optimizers.Nadam,
    keras.optimizers.RMSprop,
)
_SLACK = 2.0  # a gradient that grows moves them further than that
_SAMPLED_STEPS = 101  # of a schedule of the learning rate


def warn_if_no_gate_can_shut(
    wrappers: Iterable[Any], optimizer: keras.optimizers.Optimizer, start: int, end: int
) -> None:
    """Warns, before training, if every gate is further from shut than it can move in the run.

    Nothing is said where that cannot be told: with an optimizer whose steps are as large as its
    gradients, as SGD, or with one of the user's own.

    Args:
        wrappers: the layers of a model that have gates.
        optimizer: the Keras optimizer that trains them.
        start: optimizer step at which the run starts.
        end: step at which it ends.
    """
    penalized = [wrapper for wrapper in _trained(wrappers) if _weight_at(wrapper, end) > 0]
    if not penalized or end <= start or not _moves_by_the_learning_rate(optimizer):
        return
    rate = _mean_learning_rate(optimizer, start, end)
    moves = [wrapper.gate_speed * rate * _multiplier(optimizer, wrapper) for wrapper in penalized]
    distances = [_distance(wrapper) for wrapper in penalized]
    if any(
        distance <= _SLACK * move * (end - start)
        for distance, move in zip(distances, moves, strict=True)
    ):
        return
    warn(
        f"No gate of sos.L0Regularization can shut in this run of {end - start} steps: the nearest "
        f"is {min(distances):.2g} away from shut, and {type(optimizer).__name__} moves log alpha "
        f"by about {max(moves):.2g} a step. Train longer, or raise the `gate_speed` of the layers "
        f"(now {max(w.gate_speed for w in penalized):g}) or the learning rate.",
    )


def warn_if_no_gate_is_shut(wrappers: Iterable[Any]) -> None:
    """Warns, after training, if there are gates with a penalty and not one of them is shut.

    Args:
        wrappers: the layers of a model that have gates.
    """
    penalized = [wrapper for wrapper in _trained(wrappers) if _present_weight(wrapper) > 0]
    if not penalized or any(_distance(wrapper) <= 0 for wrapper in penalized):
        return
    warn(
        "No gate of sos.L0Regularization is shut after this training, so that the sparsity is 0. "
        "Is the penalty in the loss (a loop of your own adds `sum(model.losses)`)? If so train "
        "longer, or raise `l0_weight`, the `gate_speed` of the layers or the learning rate: "
        "docs/l0_regularization.md has a table of penalties and sparsities.",
    )


def _trained(wrappers):
    return [wrapper for wrapper in wrappers if wrapper.trainable and wrapper.sparse_kernels]


def _weight_at(wrapper, step):
    weight = wrapper.penalty_weight
    if isinstance(weight, TargetSparsity):
        return math.inf  # as heavy as it takes
    return weight_at(weight, step) if callable(weight) else weight


def _present_weight(wrapper):
    current = wrapper.current_weight
    return wrapper.penalty_weight if current is None else float(ops.convert_to_numpy(current))


def _distance(wrapper):
    """Returns how far log alpha of the nearest gate is from where it shuts, 0 or less if it is."""
    log_alphas = [wrapper.tensors(kernel)[1] for kernel in wrapper.sparse_kernels]
    return min(float(ops.convert_to_numpy(ops.min(a))) for a in log_alphas) - wrapper.shut_at


def _moves_by_the_learning_rate(optimizer):
    # A subclass may take other steps; one with multipliers says by how much.
    known = type(optimizer) in _BY_THE_LEARNING_RATE
    return known or (
        isinstance(optimizer, _BY_THE_LEARNING_RATE) and hasattr(optimizer, "multipliers")
    )


def _multiplier(optimizer, wrapper):
    """Returns the largest factor that a `AdamWithMultipliers` has for log alpha of a layer."""
    multipliers = getattr(optimizer, "multipliers", {})
    names = [variable.name for variable in wrapper.kernel_state.values()]
    fitting = [[f for end, f in multipliers.items() if name.endswith(end)] for name in names]
    return max(factors[0] if factors else 1.0 for factors in fitting)


def _mean_learning_rate(optimizer, start, end):
    steps = np.unique(np.linspace(start, end - 1, _SAMPLED_STEPS).astype(int))
    return float(np.mean([learning_rate_at(optimizer, step) for step in steps]))
