"""`EmbeddingScale`: token embeddings as a Transformer takes them in."""

import math
from typing import Any

import keras
from keras import ops

from state_of_sparsity.token_ids import PADDING
from state_of_sparsity.version import PACKAGE


@keras.saving.register_keras_serializable(package=PACKAGE)
class EmbeddingScale(keras.layers.Layer):
    """Multiplies token embeddings by the root of their length, and padding's by 0.

    With it a matrix drawn with standard deviation `channels^-0.5`, as the softmax needs it, also
    gives token embeddings with entries of size 1.

    Call arguments:
        vectors: token embeddings, `(batch, positions, channels)`.
        ids: the tokens' ids, `(batch, positions)`; 0 is padding.

    Returns:
        Vectors of the same shape.

    Example:

    >>> np.array(EmbeddingScale()(keras.ops.ones((1, 2, 4)), keras.ops.array([[7, 0]]))).tolist()
    [[[2.0, 2.0, 2.0, 2.0], [0.0, 0.0, 0.0, 0.0]]]

    Reference: Vaswani et al., "Attention Is All You Need", 2017, section 3.4.
    """

    def call(self, vectors: Any, ids: Any) -> Any:
        """Returns the scaled vectors."""
        is_token = ops.cast(ops.not_equal(ids, PADDING), vectors.dtype)
        return vectors * math.sqrt(vectors.shape[-1]) * is_token[:, :, None]

    def compute_output_shape(self, vectors_shape: Any, ids_shape: Any) -> Any:
        """Returns the vectors' shape."""
        return vectors_shape
