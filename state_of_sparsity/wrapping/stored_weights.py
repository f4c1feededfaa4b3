"""How a variable stores a kernel's weights: as they are, or by a reparametrization.

Which, the variable itself says: whatever takes charge of it next can tell.
"""

from typing import Any

import keras
from keras import ops

from state_of_sparsity.wrapping.keras_internals import without_autocast
from state_of_sparsity.wrapping.keras_variables import gets_its_value_later, initialize_through
from state_of_sparsity.wrapping.lora import has_lora
from state_of_sparsity.wrapping.powerpropagation import Powerpropagation
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel
from state_of_sparsity.wrapping.tensorflow_tracking import in_a_function


def reparametrization_of(variable: keras.Variable) -> Powerpropagation | None:
    """Returns that of the weights which a variable stores; None where it stores themselves."""
    return getattr(variable, "reparametrization", None)


def reparametrize(variable: Any, new: Powerpropagation | None) -> None:
    """Stores the weights that a variable has in another way.

    Args:
        variable: a kernel's.
        new: its reparametrization from now on; None to store the weights themselves.

    Raises:
        ValueError: if the variable is made in a `tf.function`, where it has no value yet.
    """
    old = reparametrization_of(variable)
    if old == new:
        return

    def converted(value):
        weight = value if old is None else old.weight(value)
        return weight if new is None else new.stored(weight)

    later = gets_its_value_later(variable)
    if not later and in_a_function():
        raise ValueError(
            "A layer with a `reparametrization` must be built before a `tf.function` calls it. "
            f"Received: one whose kernel '{variable.path}' is made in the function. Call the model "
            "on a batch first."
        )
    variable.reparametrization = new
    if later:
        initialize_through(variable, converted)
        return
    with without_autocast():
        variable.assign(converted(ops.convert_to_tensor(variable.value)))


def set_weights(variable: keras.Variable, weights: Any) -> None:
    """Has a variable store other weights, an array."""
    form = reparametrization_of(variable)
    variable.assign(weights if form is None else form.stored(ops.convert_to_tensor(weights)))


def check_can_be_reparametrized(kernel: SparseKernel) -> None:
    """Raises a `ValueError` if something is added to the stored values of a kernel."""
    if has_lora(kernel.owner):
        raise ValueError(
            "`reparametrization` must be None where LoRA is enabled, which Keras merges into what "
            f"is stored. Received: the layer '{kernel.owner.name}', which has it. Wrap the layer "
            "before it is enabled, or leave one of the two out."
        )
