"""`recompute`: the statistics of batch normalization, of the weights a model has now."""

import contextlib
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from state_of_sparsity.wrapping.keras_internals import all_layers


def normalization_layers(model: keras.Model) -> list[keras.layers.BatchNormalization]:
    """Returns the layers of a model that normalize by statistics which training would change."""
    kind = keras.layers.BatchNormalization
    return [layer for layer in all_layers(model) if isinstance(layer, kind) and layer.trainable]


def recompute(model: keras.Model, batches: Iterable[Any]) -> None:
    """Sets the statistics of all BatchNormalization layers to those of some batches.

    Each mean and each variance is the average over the batches of what the layer finds in a batch,
    normalized by the batch's own statistics as in training: `1/B sum_b mean_b` and
    `1/B sum_b variance_b`. All else in the model runs as in evaluation, dropout too.

    Args:
        model: a built Keras model; nothing but these statistics is changed.
        batches: finite, of inputs alone, one at least.

    Raises:
        ValueError: if there is no batch.

    Reference: Garipov et al., "Loss Surfaces, Mode Connectivity, and Fast Ensembling of DNNs",
    2018, and Jordan et al., "REPAIR", 2023, whose programs do so with an epoch of training data at
    each point of a curve.
    """
    layers = normalization_layers(model)
    if not layers:
        return
    sums, count = [(0.0, 0.0)] * len(layers), 0
    with _each_batch_alone(layers):
        for inputs in batches:
            model(inputs, training=False)
            found = [(_array(la.moving_mean), _array(la.moving_variance)) for la in layers]
            sums = [(m + a, v + b) for (m, v), (a, b) in zip(sums, found, strict=True)]
            count += 1
    if not count:
        raise ValueError("`batches` must have a batch. Received: none.")
    for layer, (mean, variance) in zip(layers, sums, strict=True):
        layer.moving_mean.assign(mean / count)
        layer.moving_variance.assign(variance / count)


@contextlib.contextmanager
def _each_batch_alone(layers):
    """Has layers normalize by the statistics of each batch, and keep those alone."""
    momenta = [layer.momentum for layer in layers]
    try:
        for layer in layers:
            layer.momentum = 0.0
            layer.__dict__["call"] = _training_call(layer.call)
        yield
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
            layer.__dict__.pop("call", None)


def _training_call(call):
    return lambda inputs, training=None, mask=None: call(inputs, training=True, mask=mask)


def _array(variable):
    return np.array(keras.ops.convert_to_numpy(variable), "float64")
