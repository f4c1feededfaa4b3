"""`ShiftRight`: what a decoder has read when it predicts each token."""

from typing import Any

import keras
from keras import ops

from state_of_sparsity.token_ids import PADDING
from state_of_sparsity.version import PACKAGE


@keras.saving.register_keras_serializable(package=PACKAGE)
class ShiftRight(keras.layers.Layer):
    """Moves tokens one position to the right, so that each position holds the token before.

    The first position gets padding, whose embedding is zero; the last token falls off the end.

    Call arguments:
        ids: token ids, `(batch, positions)`.
        positions: the place of each token in its sentence, the same shape, where several sentences
            share a row: each then begins with padding. None for one sentence a row.

    Returns:
        Ids of the same shape.

    Example:

    >>> np.array(ShiftRight()(keras.ops.array([[7, 5, 1]]))).tolist()
    [[0, 7, 5]]
    """

    def call(self, ids: Any, positions: Any = None) -> Any:
        """Returns the ids moved to the right."""
        shifted = ops.pad(ids[:, :-1], ((0, 0), (1, 0)), constant_values=PADDING)
        return shifted if positions is None else ops.where(positions == 0, PADDING, shifted)

    def compute_output_spec(self, ids: Any, positions: Any = None) -> Any:
        """Returns the shape and type of the ids."""
        return keras.KerasTensor(ids.shape, dtype=ids.dtype)
