"""Metrics made before the first step, so that TensorFlow traces that once."""

import contextlib

import keras


def make_metrics(model, batches):
    """Has a compiled model make the variables of its metrics, where that can be known here.

    Keras makes those of "accuracy" when it first sees labels and predictions: in the first training
    step, as it is traced. TensorFlow traces a function again whose first trace made variables, and
    that is half of what a run waits for before its first step.

    Args:
        model: a compiled model with one output.
        batches: a `tf.data.Dataset` of its inputs, labels and perhaps weights. For others nothing
            is done: their metrics are made in the first step.
    """
    specs = getattr(batches, "element_spec", None)
    if keras.backend.backend() != "tensorflow" or not isinstance(specs, tuple):
        return
    import tensorflow as tf

    outputs = getattr(model, "outputs", None) or ()
    if not isinstance(batches, tf.data.Dataset) or len(outputs) != 1 or len(specs) not in (2, 3):
        return
    inputs, labels, *weights = specs
    batch = tf.nest.flatten(inputs)[0].shape[:1]
    predictions = tf.TensorSpec(batch + outputs[0].shape[1:], outputs[0].dtype)
    # Traced and thrown away: nothing is computed.
    metrics = tf.function(model.compute_metrics)
    with contextlib.suppress(Exception):  # a model may give its metrics something else in its step
        metrics.get_concrete_function(inputs, labels, predictions, *weights)
