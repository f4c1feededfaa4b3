"""Checks of what `UpdateSparsity` is given."""

from typing import Any

import keras

from state_of_sparsity.surgery.structure import check_has_weights, sparse_layers


def count(step: Any) -> int:
    """Returns a number of steps as an integer of at least 0."""
    try:
        number = int(step)  # an optimizer's `iterations` will do
    except (TypeError, ValueError):
        number = -1
    if isinstance(step, bool) or number < 0 or number != step:
        raise ValueError(f"`step` must be an integer of at least 0. Received: {step!r}.")
    return number


def check_can_drive(model: keras.Model) -> None:
    """Refuses a model without weights, or without sparse layers."""
    check_has_weights(model, "it is trained sparse")
    if not sparse_layers(model):
        raise ValueError(
            f"`model` must have sparse layers to update. Received: '{model.name}', which has "
            "none. Train the model that `sos.sparsify` returned."
        )


def check_has_optimizer(model: keras.Model) -> None:
    """Refuses a model whose steps are not counted, where nothing else says them."""
    if getattr(model, "optimizer", None) is None:
        raise ValueError(
            f"`model` must have an `optimizer`, which counts the steps. Received: '{model.name}', "
            "which has none. Set `model.optimizer` before a loop that calls its callbacks, or call "
            "`sos.UpdateSparsity().update(model, step)` before each step instead."
        )
