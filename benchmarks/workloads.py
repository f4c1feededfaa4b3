"""The models that are trained: ResNet-50 and a fixed Transformer stack, from plain layers."""

import dataclasses

import numpy as np

WIDTH, FEED_FORWARD, HEADS, LAYERS, POSITIONS = 512, 2048, 8, 2, 64


@dataclasses.dataclass(frozen=True)
class Workload:
    """What is trained on what: a model not yet compiled, and one batch of fixed arrays."""

    model: object
    optimizer: object
    loss: object
    batch: tuple[np.ndarray, np.ndarray]


def resnet50(keras, batch_size, image_size=64) -> Workload:
    """ResNet-50 with 1,000 classes, trained with momentum.

    Args:
        keras: the module `keras` or `tf_keras`.
        batch_size: images in a batch.
        image_size: their height and width.
    """
    rng = np.random.default_rng(0)
    shape = (image_size, image_size, 3)
    images = rng.normal(size=(batch_size, *shape)).astype("float32")
    labels = rng.integers(0, 1000, batch_size).astype("int32")
    model = keras.applications.ResNet50(weights=None, input_shape=shape, classes=1000)
    optimizer = keras.optimizers.SGD(0.01, momentum=0.9)
    return Workload(model, optimizer, "sparse_categorical_crossentropy", (images, labels))


def transformer(keras, batch_size) -> Workload:
    """A stack of Transformer encoder layers, trained with Adam to copy noise.

    Two layers of width 512, feed-forward 2048 and 8 heads; sequences of 64 positions, so that 32
    of them are 2,048 tokens. No embedding: the tables would hide the layers.

    Args:
        keras: the module `keras` or `tf_keras`.
        batch_size: sequences in a batch.
    """
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(batch_size, POSITIONS, WIDTH)).astype("float32")
    targets = rng.normal(size=(batch_size, POSITIONS, WIDTH)).astype("float32")
    x = source = keras.Input((POSITIONS, WIDTH))
    for _ in range(LAYERS):
        x = _encoder_layer(keras.layers, x)
    model = keras.Model(source, keras.layers.LayerNormalization()(x))
    return Workload(model, keras.optimizers.Adam(1e-4), "mean_squared_error", (inputs, targets))


def _encoder_layer(layers, x):
    normal = layers.LayerNormalization()(x)
    attended = _attention(layers, *(layers.Dense(WIDTH)(normal) for _ in range(3)))
    x = layers.Add()([x, layers.Dense(WIDTH)(attended)])
    hidden = layers.Dense(FEED_FORWARD, activation="relu")(layers.LayerNormalization()(x))
    return layers.Add()([x, layers.Dense(WIDTH)(hidden)])


def _attention(layers, query, key, value):
    """Scaled dot-product attention of several heads; it has no weights."""
    size = WIDTH // HEADS
    split = layers.Reshape((POSITIONS, HEADS, size))
    by_head = layers.Permute((2, 1, 3))
    query, value = by_head(split(query)), by_head(split(value))
    scores = query @ layers.Permute((2, 3, 1))(split(key)) / size**0.5
    mixed = layers.Softmax()(scores) @ value
    return layers.Reshape((POSITIONS, WIDTH))(layers.Permute((2, 1, 3))(mixed))


WORKLOADS = {"resnet50": resnet50, "transformer": transformer}
