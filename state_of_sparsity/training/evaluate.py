"""Metrics of a trained model."""


def evaluate(model, batches, loss, metrics):
    """Returns the loss and metrics of a model, without penalties or wrappers of training.

    Args:
        model: a Keras model; the stripped one where the figures are to be published. It is
            compiled anew.
        batches: finite batches, as `model.evaluate` takes them.
        loss: a Keras loss.
        metrics: a list of Keras metrics or their names.

    Returns:
        A dict of floats, `loss` and one entry a metric.
    """
    model.compile(loss=loss, metrics=list(metrics))
    return model.evaluate(batches, verbose=0, return_dict=True)
