"""`TokenCrossentropy`: cross entropy of a translation's tokens with label smoothing."""

from typing import Any

import keras

from state_of_sparsity.losses.smoothed_crossentropy import SmoothedCrossentropy
from state_of_sparsity.token_ids import PADDING
from state_of_sparsity.version import PACKAGE


@keras.saving.register_keras_serializable(package=PACKAGE)
class TokenCrossentropy(SmoothedCrossentropy):
    """`SmoothedCrossentropy`, but mean over the tokens of a batch: padding (id 0) does not count.

    With the loss l of each position, and w = 1 for a token, 0 for padding,

        sum(w l) / sum(w)

    or 0 where there is no token. Several replicas each take the mean over their own tokens, and
    then the mean of these means.

    Args:
        label_smoothing: as for `SmoothedCrossentropy`.
        reduction: as for every Keras loss; the default is the mean above.
        name: name of the loss.

    Call arguments:
        y_true: token ids, `(batch, positions)`.
        y_pred: logits, `(batch, positions, vocabulary size)`.
        sample_weight: weights that w is multiplied by, or None.

    Raises:
        ValueError: if `label_smoothing` is outside its range.

    Example:

    >>> loss = TokenCrossentropy(label_smoothing=0.0)
    >>> logits = keras.ops.array([[[0.0, 0.0, 0.0], [9.0, 9.0, -9.0]]])
    >>> round(float(loss(keras.ops.array([[1, 0]]), logits)), 4)
    1.0986

    Reference: Vaswani et al., "Attention Is All You Need", 2017, section 5.4, and Tensor2Tensor.
    """

    def __init__(
        self,
        label_smoothing: float = 0.1,
        reduction: str | None = "mean_with_sample_weight",
        name: str = "token_crossentropy",
    ) -> None:
        super().__init__(label_smoothing, reduction, name)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Returns the loss of the batch."""
        return super().__call__(y_true, y_pred, token_weights(y_true, sample_weight))


def token_weights(ids: Any, sample_weight: Any = None) -> Any:
    """Returns float32 weights of the same shape as `ids`: 1, or `sample_weight`; 0 for padding."""
    weights = keras.ops.cast(keras.ops.not_equal(ids, PADDING), "float32")
    if sample_weight is None:
        return weights
    sample_weight = keras.ops.cast(sample_weight, "float32")
    while len(sample_weight.shape) < len(weights.shape):  # a weight for each sentence
        sample_weight = keras.ops.expand_dims(sample_weight, -1)
    return weights * sample_weight
