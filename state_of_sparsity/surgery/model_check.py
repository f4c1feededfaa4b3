"""What `sparsify`, `freeze` and `strip` ask of the model that they are given."""

import keras

from state_of_sparsity.arguments import refuse_class
from state_of_sparsity.surgery.structure import check_has_weights, sparse_layers
from state_of_sparsity.wrapping.base import SparseWrapper


def check_model(model, verb: str):
    """Raises a `ValueError` unless `model` is a Keras model with weights.

    Args:
        model: what the user gave.
        verb: the public function that it was given to, such as "sparsify".
    """
    refuse_class("model", model, "the model itself, as in model = Net()")
    if not isinstance(model, keras.Model):
        raise ValueError(
            f"`model` must be a Keras model. Received: {model!r} (of type "
            f"{type(model).__name__}). A single layer is wrapped directly, as in "
            "sos.MagnitudePruning(layer, schedule)."
        )
    check_has_weights(model, f"`sos.{verb}`")


def checked_wrappers(model, verb: str) -> list[SparseWrapper]:
    """Returns the sparse wrappers of a model, after a look at their kernels.

    Args:
        model: a model that `check_model` accepts.
        verb: the public function that it was given to, such as "strip".

    Raises:
        ValueError: if it has none.
        RuntimeError: if a kernel of one was exchanged for another variable.
    """
    wrappers = list(sparse_layers(model).values())
    if not wrappers:
        raise ValueError(
            f"`model` must have sparse layers for `sos.{verb}`. Received: '{model.name}', which "
            "has none. Give it the model that `sos.sparsify` returned."
        )
    for wrapper in wrappers:
        wrapper._check_kernels()
    return wrappers
