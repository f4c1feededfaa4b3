"""Loss and metrics of a trained model."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras

from state_of_sparsity.wrapping.keras_internals import compiled_loss


def evaluate(
    model: keras.Model, batches: Any, loss: Any, metrics: Sequence[Any]
) -> dict[str, float]:
    """Returns the loss and metrics of a model; the loss is that of the data alone.

    Penalties that the model's layers bring with them (`kernel_regularizer`, `add_loss`, those of
    variational dropout and L0 regularization) are left out.

    Args:
        model: a Keras model; the stripped one where the figures are to be published. It is
            compiled anew, for this evaluation: compile it again before any other use.
        batches: finite batches, as `model.evaluate` takes them.
        loss: a Keras loss.
        metrics: a list of Keras metrics or their names.

    Returns:
        A dict of floats, `loss` and one entry a metric.
    """
    with evaluator(model, loss, metrics) as evaluate_batches:
        return evaluate_batches(batches)


@contextlib.contextmanager
def evaluator(
    model: keras.Model, loss: Any, metrics: Sequence[Any]
) -> Iterator[Callable[[Any], dict[str, float]]]:
    """Yields `batches -> dict`, what `evaluate` returns; it may be called after weights changed.

    Args:
        model: as for `evaluate`.
        loss: a Keras loss.
        metrics: a list of Keras metrics or their names.
    """
    model.compile(loss=loss, metrics=list(metrics))
    for metric in metrics:
        # Keras would go on with what a metric object counted for another model, as in training.
        if isinstance(metric, keras.metrics.Metric):
            metric.reset_state()

    def data_loss(x, y, y_pred, sample_weight, training=False):
        return compiled_loss(model, y, y_pred, sample_weight)

    # Keras's own adds all penalties to it.
    model.compute_loss = data_loss  # type: ignore[method-assign, assignment]
    try:
        yield lambda batches: model.evaluate(batches, verbose=0, return_dict=True)
    finally:
        del model.compute_loss
