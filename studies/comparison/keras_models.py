"""Small Keras models of the kinds that people have, made with any Keras: `keras` or `tf_keras`."""

import numpy as np


def models(keras):
    """Returns `{kind: a callable that makes the model, and an input of it}`."""
    image = np.random.default_rng(0).random((8, 8, 8, 3)).astype("float32")
    vectors = np.random.default_rng(0).random((8, 16)).astype("float32")
    series = np.random.default_rng(0).random((8, 5, 16)).astype("float32")
    return {
        "Sequential": (lambda: sequential(keras), vectors),
        "Functional with a skip connection": (lambda: skip_connection(keras), vectors),
        "convolutional": (lambda: convolutional(keras), image),
        "nested": (lambda: nested(keras), vectors),
        "subclassed": (lambda: subclassed(keras, vectors), vectors),
        "LSTM": (lambda: lstm(keras), series),
        "MultiHeadAttention": (lambda: attention(keras), series),
        "a layer of your own": (lambda: own_layer(keras), vectors),
    }


def sequential(keras):
    """Three Dense layers."""
    layers = keras.layers
    return keras.Sequential(
        [keras.Input((16,)), layers.Dense(32, activation="relu"), layers.Dense(24), layers.Dense(4)]
    )


def skip_connection(keras):
    """Two Dense layers whose input is added to their output."""
    inputs = keras.Input((16,))
    x = keras.layers.Dense(16, activation="relu")(inputs)
    x = keras.layers.Dense(16)(x)
    x = keras.layers.Add()([x, inputs])
    return keras.Model(inputs, keras.layers.Dense(4)(x))


def convolutional(keras):
    """Two convolutions, one of them depthwise, batch normalization and a head."""
    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(8, 3)(inputs)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    x = layers.DepthwiseConv2D(3)(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(4)(x))


def nested(keras):
    """A model inside a model."""
    inputs = keras.Input((16,))
    part = keras.Sequential([keras.Input((16,)), keras.layers.Dense(16)], name="part")
    return keras.Model(inputs, keras.layers.Dense(4)(part(inputs)))


def subclassed(keras, x):
    """A model whose class has a `call`."""

    class Subclassed(keras.Model):
        def __init__(self):
            super().__init__()
            self.hidden = keras.layers.Dense(16, activation="relu")
            self.head = keras.layers.Dense(4)

        def call(self, inputs):
            return self.head(self.hidden(inputs))

    model = Subclassed()
    model(x)
    return model


def lstm(keras):
    """A recurrent layer and a head."""
    inputs = keras.Input((5, 16))
    return keras.Model(inputs, keras.layers.Dense(4)(keras.layers.LSTM(16)(inputs)))


def attention(keras):
    """Self-attention and a head."""
    inputs = keras.Input((5, 16))
    x = keras.layers.MultiHeadAttention(2, 8)(inputs, inputs)
    return keras.Model(inputs, keras.layers.Dense(4)(x[:, 0]))


def own_layer(keras):
    """A layer that no tool knows, and a head."""

    class Own(keras.layers.Layer):
        def build(self, input_shape):
            self.w = self.add_weight(shape=(input_shape[-1], 16), initializer="glorot_uniform")

        def call(self, inputs):
            return inputs @ self.w

    inputs = keras.Input((16,))
    return keras.Model(inputs, keras.layers.Dense(4)(Own()(inputs)))


def sparse_share(model):
    """Says what share of each kernel is zero. (Biases of attention are small, and of rank two.)"""
    weights = [np.asarray(w) for w in model.get_weights()]
    return ", ".join(
        f"{np.mean(w == 0):.2f} of {w.shape}" for w in weights if w.ndim > 1 and w.size > 20
    )
