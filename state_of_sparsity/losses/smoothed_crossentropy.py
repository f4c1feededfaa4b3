"""`SmoothedCrossentropy`: cross entropy of integer labels with label smoothing."""

from typing import Any

import keras

from state_of_sparsity.arguments import check_number
from state_of_sparsity.version import PACKAGE


@keras.saving.register_keras_serializable(package=PACKAGE)
class SmoothedCrossentropy(keras.losses.Loss):
    """Cross entropy of logits with smoothed labels, mean over the batch.

    With smoothing e and K classes the targets are `(1 - e) * onehot(label) + e / K`. As they sum to
    1 this takes no target vectors: the loss of logits z is

        (1 - e) * (logsumexp(z) - z[label]) + e * (logsumexp(z) - mean(z))

    It is computed in float32 whatever the logits' dtype. Keras has label smoothing only for one-hot
    labels (`keras.losses.CategoricalCrossentropy`).

    Args:
        label_smoothing: e, in [0, 1); 0 is `keras.losses.SparseCategoricalCrossentropy`.
        reduction: as for every Keras loss; the default is the mean.
        name: name of the loss.

    Call arguments:
        y_true: labels in [0, K), `(batch, ...)`, or with a last dimension of 1.
        y_pred: logits, `(batch, ..., K)`.

    Raises:
        ValueError: if `label_smoothing` is outside its range.

    Example:

    >>> loss = SmoothedCrossentropy(label_smoothing=0.1)
    >>> round(float(loss(keras.ops.array([1]), keras.ops.array([[0.0, 2.0]]))), 4)
    0.2269

    Reference: Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2016,
    section 7.
    """

    def __init__(
        self,
        label_smoothing: float = 0.1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "smoothed_crossentropy",
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype="float32")
        check_number("label_smoothing", label_smoothing, least=0, below=1)
        self.label_smoothing = label_smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Returns the loss of each example, `(batch, ...)`."""
        logits = keras.ops.cast(y_pred, "float32")
        on_label = keras.losses.sparse_categorical_crossentropy(y_true, logits, from_logits=True)
        if not self.label_smoothing:
            return on_label
        on_all = keras.ops.logsumexp(logits, axis=-1) - keras.ops.mean(logits, axis=-1)
        return (1 - self.label_smoothing) * on_label + self.label_smoothing * on_all

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {**super().get_config(), "label_smoothing": self.label_smoothing}
