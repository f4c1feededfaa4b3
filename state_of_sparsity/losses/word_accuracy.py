"""`WordAccuracy`: how many words of a translation are the most probable ones."""

import keras

from state_of_sparsity.losses.word_crossentropy import word_weights
from state_of_sparsity.version import PACKAGE


@keras.saving.register_keras_serializable(package=PACKAGE)
class WordAccuracy(keras.metrics.SparseCategoricalAccuracy):
    """The share of words whose logit is the greatest, given the words before in the reference.

    Padding (id 0) does not count. It says how training goes; translations are judged by BLEU.

    Args:
        name: name of the metric.
        dtype: as for every Keras metric.

    Example:

    >>> metric = WordAccuracy()
    >>> logits = keras.ops.array([[[0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [9.0, 0.0, 0.0]]])
    >>> metric.update_state(keras.ops.array([[1, 2, 0]]), logits)
    >>> float(metric.result())
    0.5
    """

    def __init__(self, name="word_accuracy", dtype=None):
        super().__init__(name=name, dtype=dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Counts the words of a batch; arguments as for `WordCrossentropy`."""
        super().update_state(y_true, y_pred, word_weights(y_true, sample_weight))
