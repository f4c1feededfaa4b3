"""What an optimizer remembers of weights that begin anew is forgotten."""

import keras
import numpy as np

from state_of_sparsity.optimizers.learning_rate import stepping_optimizers
from state_of_sparsity.wrapping.keras_optimizers import slots_of


def forget(
    optimizer: keras.optimizers.Optimizer, grown: list[tuple[keras.Variable, np.ndarray]]
) -> None:
    """Sets to 0 what an optimizer keeps of weights: momentum, moments, moving averages.

    What has another shape than the kernel (the rows and columns of Adafactor) is left.

    Args:
        optimizer: of any class of Keras.
        grown: pairs of a kernel's variable and a boolean array: where to forget.
    """
    for variable, where in grown:
        for inner in stepping_optimizers(optimizer):
            for slot in slots_of(inner, variable):
                values = slot.numpy()
                slot.assign(np.where(where, np.zeros((), values.dtype), values))
