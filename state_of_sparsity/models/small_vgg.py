"""A small VGG network for CIFAR: seven 3x3 convolutions, made for a few minutes on a processor."""

import keras

from state_of_sparsity.models.residual_blocks import ResidualLayers


def vgg8(
    classes=10,
    input_shape=(32, 32, 3),
    filters=(16, 48, 96),
    weight_decay=5e-4,
    synchronized=False,
):
    """Returns VGG-8: a convolution, three groups of two convolutions, and the logits.

    All convolutions are 3x3, followed by batch normalization and ReLU. The first one of each group
    is also followed by 2x2 maximum pooling, before its normalization, which then has a quarter of
    the work; global average pooling comes before the logits.

    Args:
        classes: number of logits, at least 2.
        input_shape: shape of one image, `(height, width, channels)`, 8 or more high and wide.
        filters: filters of the convolutions of each group; the first convolution has as many as
            those of the first group.
        weight_decay: every kernel's penalty is `weight_decay / 2 * sum(kernel^2)`; 0 for none.
        synchronized: whether batch statistics are taken over all replicas, not over each.

    Returns:
        A built `keras.Model` with kernels in `convolution_1` to `convolution_7` and `logits`; its
        outputs are logits in float32.

    Raises:
        ValueError: if an argument is out of range.

    Example:

    >>> vgg8().output_shape
    (None, 10)

    Reference: Simonyan, Zisserman (2015), "Very Deep Convolutional Networks for Large-Scale Image
    Recognition"; pooling as in Jordan (2024), "94% on CIFAR-10 in 3.29 Seconds on a Single GPU".
    """
    if classes < 2:
        raise ValueError(f"`classes` must be at least 2. Received: {classes}.")
    if len(filters) != 3 or min(filters) < 1:
        raise ValueError(
            f"`filters` must be three numbers of at least 1, one a group. Received: {filters}."
        )
    if min(input_shape[:2]) < 8:
        raise ValueError(f"`input_shape` must be 8 or more high and wide. Received: {input_shape}.")
    if weight_decay < 0:
        raise ValueError(f"`weight_decay` must be at least 0. Received: {weight_decay}.")
    layers = ResidualLayers("he_normal", weight_decay, synchronized)
    image = keras.Input(input_shape, name="image")
    x = _unit(layers, image, filters[0], 1)
    for group, count in enumerate(filters):
        x = _unit(layers, x, count, 2 * group + 2, pooled=True)
        x = _unit(layers, x, count, 2 * group + 3)
    x = keras.layers.GlobalAveragePooling2D(name="pooling")(x)
    logits = keras.layers.Dense(
        classes,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
        kernel_regularizer=layers.kernel_penalty(),
        dtype="float32",  # bfloat16 holds three digits: too few for a softmax
        name="logits",
    )(x)
    return keras.Model(image, logits, name="vgg8")


def _unit(layers, x, filters, number, pooled=False):
    """Adds convolution, pooling if wanted, normalization and ReLU."""
    x = layers.convolution(x, filters, 3, 1, f"convolution_{number}")
    if pooled:
        x = keras.layers.MaxPooling2D(2, name=f"pooling_{number}")(x)
    x = layers.normalization(x, f"normalization_{number}")
    return keras.layers.ReLU(name=f"relu_{number}")(x)
