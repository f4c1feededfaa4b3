"""A small VGG network for CIFAR: six 3x3 convolutions, made for minutes on a processor."""

from collections.abc import Sequence

import keras
import numpy as np

from state_of_sparsity.arguments import check_flag, check_integer, check_number
from state_of_sparsity.models.model_arguments import check_image_shape
from state_of_sparsity.models.residual_blocks import ResidualLayers

# Brightness, blue against red, green against the others; mean, and differences of rows, of columns
# and of diagonals.
_COLOURS = ((1, 1, 1), (1, 0, -1), (1, -2, 1))
_PATTERNS = (((1, 1), (1, 1)), ((1, 1), (-1, -1)), ((1, -1), (1, -1)), ((1, -1), (-1, 1)))
# Standard deviation of each pattern in each colour, in standardized training images of CIFAR-10
# (JPEG of quality 75).
_DEVIATIONS = (
    (3.163, 0.875, 0.424),
    (0.629, 0.076, 0.047),
    (0.582, 0.063, 0.041),
    (0.233, 0.014, 0.011),
)
_NOISE = 0.005  # variance that is added, lest what is hardly there be blown up


def vgg7(
    classes: int = 10,
    input_shape: Sequence[int | None] = (32, 32, 3),
    filters: Sequence[int] = (24, 64, 128),
    weight_decay: float = 5e-4,
    synchronized: bool = False,
) -> keras.Model:
    """Returns VGG-7: fixed filters, three groups of two convolutions, and the logits.

    The fixed filters whiten the image: twelve 2x2 wavelets of brightness and colours, each divided
    by its standard deviation in CIFAR-10, and their negatives, with ReLU. They have no trainable
    weights. The convolutions are 3x3, followed by batch normalization and ReLU; the first one of a
    group also by 2x2 maximum pooling, before its normalization, which then has a quarter of the
    work. After global maximum pooling a last layer without biases gives logits, divided by 9.

    Args:
        classes: number of logits, at least 2.
        input_shape: `(height, width, 3)`, 9 or more high and wide; colours as `Cifar10` gives them.
        filters: filters of the two convolutions of each group.
        weight_decay: every kernel's penalty is `weight_decay / 2 * sum(kernel^2)`; 0 for none.
        synchronized: whether batch statistics are taken over all replicas, not over each.

    Returns:
        A `keras.Model` with kernels in `convolution_1` to `convolution_6` and `logits`.

    Raises:
        ValueError: if an argument is out of range.

    Example:

    >>> vgg7().output_shape
    (None, 10)

    Reference: Simonyan, Zisserman (2015), "Very Deep Convolutional Networks for Large-Scale Image
    Recognition"; whitening, pooling and the last layer as in Jordan (2024), "94% on CIFAR-10 in
    3.29 Seconds on a Single GPU", where the filters are eigenvectors.
    """
    _check_arguments(classes, input_shape, filters, weight_decay, synchronized)
    layers = ResidualLayers("he_normal", weight_decay, synchronized)
    image = keras.Input(input_shape, name="image")
    x = _whitened(image)
    for group, count in enumerate(filters):
        x = layers.convolution(x, count, 3, 1, f"convolution_{2 * group + 1}")
        x = keras.layers.MaxPooling2D(2, name=f"pooling_{group + 1}")(x)
        x = _normalized(layers, x, 2 * group + 1)
        x = layers.convolution(x, count, 3, 1, f"convolution_{2 * group + 2}")
        x = _normalized(layers, x, 2 * group + 2)
    x = keras.layers.GlobalMaxPooling2D(name="pooling")(x)
    x = keras.layers.Dense(
        classes,
        use_bias=False,
        kernel_regularizer=layers.kernel_penalty(),
        dtype="float32",  # bfloat16 holds three digits: too few for a softmax
        name="logits",
    )(x)
    x = keras.layers.Rescaling(1 / 9, dtype="float32", name="scaled_logits")(x)
    return keras.Model(image, x, name="vgg7")


def whitening_filters() -> np.ndarray:
    """Returns the fixed filters, float32 `(2, 2, 3, 24)`: twelve wavelets and their negatives."""
    colours = np.array(_COLOURS) / np.linalg.norm(_COLOURS, axis=1, keepdims=True)
    wavelets = np.einsum("pab,kc->abcpk", np.array(_PATTERNS) / 2, colours)
    wavelets /= np.sqrt(np.square(_DEVIATIONS) + _NOISE)
    wavelets = wavelets.reshape(2, 2, 3, 12)
    return np.concatenate([wavelets, -wavelets], axis=-1).astype("float32")


def _whitened(image):
    layer = keras.layers.Conv2D(
        24, 2, activation="relu", use_bias=False, trainable=False, name="whitening"
    )
    outputs = layer(image)
    layer.set_weights([whitening_filters()])
    return outputs


def _normalized(layers, x, number):
    x = layers.normalization(x, f"normalization_{number}")
    return keras.layers.ReLU(name=f"relu_{number}")(x)


def _check_arguments(classes, input_shape, filters, weight_decay, synchronized):
    check_integer("classes", classes, 2)
    if not isinstance(filters, (list, tuple)) or len(filters) != 3:
        raise ValueError(f"`filters` must be three numbers, one a group. Received: {filters!r}.")
    for count in filters:
        check_integer("filters", count, 1)
    check_image_shape(input_shape, smallest=9)
    if input_shape[2] != 3:
        raise ValueError(f"`input_shape` must have 3 colours. Received: {input_shape!r}.")
    check_number("weight_decay", weight_decay, least=0)
    check_flag("synchronized", synchronized)
