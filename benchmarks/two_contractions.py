"""The least that variational dropout can cost: two plain layers in place of each."""

import math

import keras

_LINEAR = (keras.layers.Dense, keras.layers.EinsumDense, keras.layers.Conv2D)


class TwoContractions(keras.layers.Layer):
    """Computes `activation(layer(x) + other_layer(x^2))`, both kernels trained.

    Variational dropout computes a mean and a variance that way. Here is no noise, no logarithm or
    exponential, no penalty, and no code of the library.

    Args:
        layer: a Dense, EinsumDense or Conv2D layer; its configuration is used, not its weights.
    """

    def __init__(self, layer):
        super().__init__(name=layer.name)
        config = {**layer.get_config(), "activation": None}
        small = keras.initializers.Constant(math.exp(-10))
        self.mean = type(layer).from_config(config)
        self.variance = type(layer).from_config(
            {**config, **_without_bias(layer), "kernel_initializer": small}
        )
        self.activation = layer.activation

    def build(self, input_shape):
        self.mean.build(input_shape)
        self.variance.build(input_shape)

    def call(self, inputs):
        return self.activation(self.mean(inputs) + self.variance(keras.ops.square(inputs)))


def _without_bias(layer):
    return {"bias_axes": None} if hasattr(layer, "bias_axes") else {"use_bias": False}


def with_two_contractions(model):
    """Returns a fresh model with `TwoContractions` in place of every layer with a kernel."""

    def clone(layer):
        if isinstance(layer, _LINEAR):
            return TwoContractions(layer)
        return type(layer).from_config(layer.get_config())

    return keras.models.clone_model(model, clone_function=clone)
