"""`TokenAccuracy`: how many tokens of a translation are the most probable ones."""

from typing import Any

import keras

from state_of_sparsity.losses.token_crossentropy import token_weights
from state_of_sparsity.version import PACKAGE


@keras.saving.register_keras_serializable(package=PACKAGE)
class TokenAccuracy(keras.metrics.SparseCategoricalAccuracy):
    """The share of tokens whose logit is the greatest, given the tokens before in the reference.

    Padding (id 0) does not count. It says how training goes; translations are judged by BLEU.

    Args:
        name: name of the metric.
        dtype: as for every Keras metric.

    Example:

    >>> metric = TokenAccuracy()
    >>> logits = keras.ops.array([[[0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [9.0, 0.0, 0.0]]])
    >>> metric.update_state(keras.ops.array([[1, 2, 0]]), logits)
    >>> float(metric.result())
    0.5
    """

    def __init__(self, name: str = "token_accuracy", dtype: str | None = None) -> None:
        super().__init__(name=name, dtype=dtype)

    def update_state(  # type: ignore[override]  # as every metric but `Mean`, which averages these
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> Any:
        """Counts the tokens of a batch; arguments as for `TokenCrossentropy`."""
        super().update_state(y_true, y_pred, token_weights(y_true, sample_weight))
