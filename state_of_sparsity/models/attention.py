"""`DotProductAttention`: what several heads read from the positions they attend to."""

from typing import Any, Self

import keras
from keras import ops

from state_of_sparsity.version import PACKAGE


@keras.saving.register_keras_serializable(package=PACKAGE)
class DotProductAttention(keras.layers.Layer):
    """Scaled dot-product attention of several heads, without the projections around it.

    Queries, keys and values are cut into `num_heads` slices of `size` channels. For each slice

        outputs = dropout(softmax(queries keys^T / sqrt(size))) values

    where the softmax is over the positions that are allowed, in float32 under every dtype policy. A
    query that may attend to nothing gets the mean of all values. The layer has no weights: the
    projections are layers of their own, so that each can be made sparse.

    Args:
        num_heads: number of heads; divides the channels.
        dropout: fraction of the softmax's outputs that is dropped in training, in [0, 1).
        **kwargs: `name` and `dtype`, as for a Keras layer.

    Call arguments:
        queries: `(batch, query positions, channels)`.
        keys: `(batch, key positions, channels)`.
        values: as `keys`.
        mask: booleans that broadcast to `(batch, heads, query positions, key positions)`, true
            where a query may attend.

    Returns:
        `(batch, query positions, channels)`, the heads' outputs side by side.

    Example:

    >>> attention = DotProductAttention(num_heads=2, dropout=0.1)
    >>> x = keras.ops.ones((3, 5, 8))
    >>> tuple(attention(x, x, x, keras.ops.ones((1, 1, 5, 5), "bool")).shape)
    (3, 5, 8)

    Reference: Vaswani et al., "Attention Is All You Need", 2017, section 3.2.
    """

    def __init__(self, num_heads: int, dropout: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.dropout_rate = dropout
        self.dropout = keras.layers.Dropout(dropout, dtype=self.dtype_policy)

    def call(self, queries: Any, keys: Any, values: Any, mask: Any) -> Any:
        """Returns what the heads read."""
        queries, keys, values = (self._split(x) for x in (queries, keys, values))
        size = queries.shape[-1]
        scores = ops.einsum("bqhc,bkhc->bhqk", queries * size**-0.5, keys)
        scores = ops.where(mask, ops.cast(scores, "float32"), -1e9)
        weights = ops.cast(ops.softmax(scores, axis=-1), self.compute_dtype)
        outputs = ops.einsum("bhqk,bkhc->bqhc", self.dropout(weights), values)
        batch, length = ops.shape(outputs)[:2]
        return ops.reshape(outputs, (batch, length, self.num_heads * size))

    def _split(self, x):
        batch, length = ops.shape(x)[:2]
        return ops.reshape(x, (batch, length, self.num_heads, x.shape[-1] // self.num_heads))

    def compute_output_shape(self, queries_shape: Any, keys_shape: Any, values_shape: Any) -> Any:
        """Returns the queries' shape."""
        return queries_shape

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Returns the layer of a configuration; those saved before say `heads`."""
        config = {"num_heads" if key == "heads" else key: value for key, value in config.items()}
        return super().from_config(config)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {**super().get_config(), "num_heads": self.num_heads, "dropout": self.dropout_rate}
