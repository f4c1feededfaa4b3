"""`AttentionMask`: which positions of a batch of sentences may be attended to."""

from typing import Any

import keras
from keras import ops

from state_of_sparsity.token_ids import PADDING
from state_of_sparsity.version import PACKAGE


@keras.saving.register_keras_serializable(package=PACKAGE)
class AttentionMask(keras.layers.Layer):
    """Says for a batch of sentences which positions may be attended to.

    Without `causal` these are the positions of tokens, for queries anywhere; padding (id 0) is left
    out. With it they are the query's own position and those before: padding follows the tokens of a
    sentence, so that no token ever sees it, and whether the last token seen is padding must not
    show.

    Args:
        causal: whether queries are the positions of the same sentence and see none after them.
        **kwargs: `name`, as for a Keras layer.

    Where several sentences share a row, `segments` says which of them a position belongs to, and a
    query sees positions of its own segment only.

    Call arguments:
        ids: token ids of the positions attended to, `(batch, key positions)`.
        segments: number of each position's sentence within its row, the same shape; or None.
        query_segments: the same of the queries, `(batch, query positions)`; None for `segments`.

    Returns:
        Booleans, true where attention is allowed: `(batch, 1, 1, key positions)`, or
        `(1, 1, positions, positions)` with `causal`, or `(batch, 1, query positions, key
        positions)` with `segments`; they broadcast over heads and queries.

    Example:

    >>> np.array(AttentionMask()(keras.ops.array([[5, 1, 0]]))).astype(int).tolist()
    [[[[1, 1, 0]]]]
    >>> np.array(AttentionMask(causal=True)(keras.ops.array([[5, 1, 0]]))).astype(int).tolist()
    [[[[1, 0, 0], [1, 1, 0], [1, 1, 1]]]]

    Reference: Vaswani et al., "Attention Is All You Need", 2017, section 3.2.3.
    """

    def __init__(self, causal: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.causal = causal

    def call(self, ids: Any, segments: Any = None, query_segments: Any = None) -> Any:
        """Returns the mask."""
        if self.causal:
            positions = ops.arange(ops.shape(ids)[1])
            allowed = (positions[:, None] >= positions[None, :])[None, None]
        else:
            allowed = ops.not_equal(ids, PADDING)[:, None, None, :]
        if segments is None:
            return allowed
        queries = segments if query_segments is None else query_segments
        same = ops.equal(queries[:, None, :, None], segments[:, None, None, :])
        return ops.logical_and(allowed, same)

    def compute_output_spec(
        self, ids: Any, segments: Any = None, query_segments: Any = None
    ) -> Any:
        """Returns the mask's shape, and that it is boolean."""
        batch, length = ids.shape
        shape = (1, 1, length, length) if self.causal else (batch, 1, 1, length)
        if segments is not None:
            queries = segments if query_segments is None else query_segments
            shape = (batch, 1, queries.shape[1], length)
        return keras.KerasTensor(shape, dtype="bool")

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {**super().get_config(), "causal": self.causal}
