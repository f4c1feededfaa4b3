"""`ShiftRight`: what a decoder has read when it predicts each word."""

import keras
from keras import ops

from state_of_sparsity.models.attention_mask import PADDING


@keras.saving.register_keras_serializable(package="state_of_sparsity")
class ShiftRight(keras.layers.Layer):
    """Moves words one position to the right, so that each position holds the word before.

    The first position gets padding, whose embedding is zero; the last word falls off the end.

    Call arguments:
        ids: word ids, `(batch, positions)`.

    Returns:
        Ids of the same shape.

    Example:

    >>> ShiftRight()(keras.ops.array([[7, 5, 1]])).numpy().tolist()
    [[0, 7, 5]]
    """

    def call(self, ids):
        """Returns the ids moved to the right."""
        return ops.pad(ids[:, :-1], ((0, 0), (1, 0)), constant_values=PADDING)

    def compute_output_spec(self, ids):
        """Returns the shape and type of the ids."""
        return keras.KerasTensor(ids.shape, dtype=ids.dtype)
