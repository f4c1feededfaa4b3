"""LeNet networks, as used for pruning studies on small images."""

import keras


def lenet_300_100(input_shape=(28, 28, 1), classes=10):
    """Returns LeNet-300-100: two hidden layers of 300 and 100 ReLU units, then logits.

    Args:
        input_shape: shape of one example, e.g. `(height, width, channels)`; flattened first.
        classes: number of logits, at least 2.

    Returns:
        A built `keras.Sequential` with kernels in layers `hidden_1`, `hidden_2` and
        `logits`; its outputs are logits (no softmax).

    Raises:
        ValueError: if `classes` is less than 2.

    Example:

    >>> model = lenet_300_100(input_shape=(8, 8, 1), classes=10)
    >>> model.output_shape
    (None, 10)

    Reference:
        LeCun, Bottou, Bengio, Haffner (1998), "Gradient-based learning applied to document
        recognition", section III.C.
    """
    if classes < 2:
        raise ValueError(f"`classes` must be at least 2. Received: {classes}.")
    return keras.Sequential(
        [
            keras.Input(input_shape, name="image"),
            keras.layers.Flatten(name="flatten"),
            keras.layers.Dense(300, activation="relu", name="hidden_1"),
            keras.layers.Dense(100, activation="relu", name="hidden_2"),
            keras.layers.Dense(classes, name="logits"),
        ],
        name="lenet_300_100",
    )
