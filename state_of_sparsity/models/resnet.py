"""Residual networks for ImageNet (18 to 200 layers) and for CIFAR (8 to 56, and wide 22)."""

from collections.abc import Sequence

import keras

from state_of_sparsity.arguments import check_flag, check_integer, check_number, is_number
from state_of_sparsity.models.model_arguments import check_image_shape
from state_of_sparsity.models.residual_blocks import (
    ResidualLayers,
    basic_block,
    bottleneck_block,
    classifier,
    groups,
    pre_activation_block,
)


def resnet50(
    classes: int = 1000,
    input_shape: Sequence[int | None] = (224, 224, 3),
    width: float = 1.0,
    weight_decay: float = 1e-4,
    synchronized: bool = False,
) -> keras.Model:
    """Returns ResNet-50 as the study of 2019 pruned it: 54 kernels, 25,502,912 weights in them.

    The stem (7x7 convolution of 64 filters with stride 2, batch normalization, ReLU, 3x3 maximum
    pooling with stride 2) is followed by four groups of 3, 4, 6 and 3 bottleneck blocks of 64, 128,
    256 and 512 filters, global average pooling, and a matrix with bias, in float32 under every
    dtype policy. The first block of *every* group has a projection for a shortcut, also that of
    group 1. Padding of strided convolutions is the same for all image sizes. Nothing rescales the
    image: it is expected with mean 0 and standard deviation 1 in each channel.

    Kernels are in layers `initial_convolution`, `group_<1-4>_block_<n>_convolution_<1-3>`,
    `group_<1-4>_block_1_projection` and `logits`. In a regular expression end a block's name in an
    underscore, `group_3_block_1_`, or it also fits blocks 10 and up of deeper networks.

    Args:
        classes: number of logits, at least 2.
        input_shape: shape of one example, `(height, width, channels)`, 32 or more high and wide;
            `None` for any height or width.
        width: the number of filters is multiplied by this and rounded down.
        weight_decay: adds `weight_decay / 2 * sum(kernel^2)` of every kernel to the loss, masked
            weights included; at least 0. Biases and batch normalizations are left out.
        synchronized: whether batch statistics are taken over all replicas, not over each as in the
            study.

    Returns:
        A built `keras.Model`; its outputs are logits (no softmax).

    Raises:
        ValueError: if an argument is of another type, `classes` is less than 2, the image too
            small, `width` leaves no filter, or `weight_decay` is below 0.

    Example:

    >>> resnet50(classes=10, input_shape=(64, 64, 3), width=0.25).output_shape
    (None, 10)

    Reference:
        He, Zhang, Ren, Sun (2015), "Deep Residual Learning for Image Recognition", table 1; Goyal
        et al. (2017), "Accurate, Large Minibatch SGD", section 5.1; Gale, Elsen, Hooker (2019),
        "The State of Sparsity in Deep Neural Networks", section 5.
    """
    arguments = (classes, input_shape, width, weight_decay, synchronized)
    return _imagenet_resnet("resnet50", bottleneck_block, (3, 4, 6, 3), *arguments)


def resnet18(
    classes: int = 1000,
    input_shape: Sequence[int | None] = (224, 224, 3),
    width: float = 1.0,
    weight_decay: float = 1e-4,
    synchronized: bool = False,
) -> keras.Model:
    """Returns ResNet-18: 2, 2, 2 and 2 basic blocks; all else as `resnet50`.

    With its projection in group 1 it has 4,224 weights more than ResNet-18 has elsewhere.
    """
    arguments = (classes, input_shape, width, weight_decay, synchronized)
    return _imagenet_resnet("resnet18", basic_block, (2, 2, 2, 2), *arguments)


def resnet34(
    classes: int = 1000,
    input_shape: Sequence[int | None] = (224, 224, 3),
    width: float = 1.0,
    weight_decay: float = 1e-4,
    synchronized: bool = False,
) -> keras.Model:
    """Returns ResNet-34: 3, 4, 6 and 3 basic blocks; all else as `resnet18`."""
    arguments = (classes, input_shape, width, weight_decay, synchronized)
    return _imagenet_resnet("resnet34", basic_block, (3, 4, 6, 3), *arguments)


def resnet101(
    classes: int = 1000,
    input_shape: Sequence[int | None] = (224, 224, 3),
    width: float = 1.0,
    weight_decay: float = 1e-4,
    synchronized: bool = False,
) -> keras.Model:
    """Returns ResNet-101: 3, 4, 23 and 3 bottleneck blocks; all else as `resnet50`."""
    arguments = (classes, input_shape, width, weight_decay, synchronized)
    return _imagenet_resnet("resnet101", bottleneck_block, (3, 4, 23, 3), *arguments)


def resnet152(
    classes: int = 1000,
    input_shape: Sequence[int | None] = (224, 224, 3),
    width: float = 1.0,
    weight_decay: float = 1e-4,
    synchronized: bool = False,
) -> keras.Model:
    """Returns ResNet-152: 3, 8, 36 and 3 bottleneck blocks; all else as `resnet50`."""
    arguments = (classes, input_shape, width, weight_decay, synchronized)
    return _imagenet_resnet("resnet152", bottleneck_block, (3, 8, 36, 3), *arguments)


def resnet200(
    classes: int = 1000,
    input_shape: Sequence[int | None] = (224, 224, 3),
    width: float = 1.0,
    weight_decay: float = 1e-4,
    synchronized: bool = False,
) -> keras.Model:
    """Returns ResNet-200: 3, 24, 36 and 3 bottleneck blocks; all else as `resnet50`."""
    arguments = (classes, input_shape, width, weight_decay, synchronized)
    return _imagenet_resnet("resnet200", bottleneck_block, (3, 24, 36, 3), *arguments)


def resnet8(
    classes: int = 10,
    input_shape: Sequence[int | None] = (32, 32, 3),
    width: float = 1.0,
    weight_decay: float = 1e-4,
    synchronized: bool = False,
    initial_strides: int = 1,
) -> keras.Model:
    """Returns ResNet-8 for CIFAR: three groups of one basic block; all else as `resnet20`.

    The smallest of He's family, for studies without an accelerator: with `width=2` and
    `initial_strides=2` it has the multiply-adds of `width=1`, and four times the weights.

    Args:
        classes, input_shape, width, weight_decay, synchronized: as for `resnet20`.
        initial_strides: stride of the first convolution, 1 or 2.

    Raises:
        ValueError: as `resnet50`, and if `initial_strides` is neither 1 nor 2.

    Example:

    >>> resnet8(width=2, initial_strides=2).get_layer("initial_convolution").output.shape
    (None, 16, 16, 32)
    """
    if initial_strides not in (1, 2):
        raise ValueError(f"`initial_strides` must be 1 or 2. Received: {initial_strides!r}.")
    arguments = (classes, input_shape, width, weight_decay, synchronized)
    return _cifar_resnet("resnet8", 1, *arguments, initial_strides)


def resnet20(
    classes: int = 10,
    input_shape: Sequence[int | None] = (32, 32, 3),
    width: float = 1.0,
    weight_decay: float = 1e-4,
    synchronized: bool = False,
) -> keras.Model:
    """Returns ResNet-20 for CIFAR: a 3x3 convolution, then three groups of three basic blocks.

    The groups have 16, 32 and 64 filters. Weight decay of 1e-4 and He's initialization of
    convolutions are the paper's. Two things are not: where the number of filters changes the
    shortcut is a projection (its option B) and not padded with zeros (option A, 2,752 weights
    less), and the scale of each block's last batch normalization starts at 0, as in `resnet50`.

    Arguments, layer names and errors as for `resnet50`, but that 4 pixels are enough, and that
    there is no projection in group 1.

    Example:

    >>> resnet20().output_shape
    (None, 10)

    Reference:
        He, Zhang, Ren, Sun (2015), "Deep Residual Learning for Image Recognition", section 4.2.
    """
    return _cifar_resnet("resnet20", 3, classes, input_shape, width, weight_decay, synchronized)


def resnet32(
    classes: int = 10,
    input_shape: Sequence[int | None] = (32, 32, 3),
    width: float = 1.0,
    weight_decay: float = 1e-4,
    synchronized: bool = False,
) -> keras.Model:
    """Returns ResNet-32 for CIFAR: three groups of five basic blocks; all else as `resnet20`."""
    return _cifar_resnet("resnet32", 5, classes, input_shape, width, weight_decay, synchronized)


def resnet56(
    classes: int = 10,
    input_shape: Sequence[int | None] = (32, 32, 3),
    width: float = 1.0,
    weight_decay: float = 1e-4,
    synchronized: bool = False,
) -> keras.Model:
    """Returns ResNet-56 for CIFAR: three groups of nine basic blocks; all else as `resnet20`."""
    return _cifar_resnet("resnet56", 9, classes, input_shape, width, weight_decay, synchronized)


def wide_resnet_22_2(
    classes: int = 10,
    input_shape: Sequence[int | None] = (32, 32, 3),
    width: float = 1.0,
    weight_decay: float = 5e-4,
    synchronized: bool = False,
) -> keras.Model:
    """Returns WRN-22-2 for CIFAR: three groups of three pre-activation blocks, twice as wide.

    A 3x3 convolution of 16 filters, groups of 32, 64 and 128 filters, then batch normalization and
    ReLU. The first block of every group has a projection, without batch normalization. Weight decay
    of 5e-4 and He's initialization of convolutions are the authors'; no dropout.

    Arguments, layer names and errors as for `resnet50`, but that 4 pixels are enough; `width`
    multiplies the numbers above.

    Example:

    >>> wide_resnet_22_2().output_shape
    (None, 10)

    Reference:
        Zagoruyko, Komodakis (2016), "Wide Residual Networks", table 1, and its code.
    """
    _check_arguments(
        classes, input_shape, width, weight_decay, synchronized, filters=16, smallest=4
    )
    layers = ResidualLayers("he_normal", weight_decay, synchronized)
    image = keras.Input(input_shape, name="image")
    x = layers.convolution(image, int(16 * width), 3, 1, "initial_convolution")
    filters = [int(count * width) for count in (32, 64, 128)]
    x = groups(layers, x, pre_activation_block, (3, 3, 3), filters, project_group_1=True)
    x = layers.normalization(x, "final_normalization")
    x = keras.layers.ReLU(name="final_relu")(x)
    return classifier(layers, image, x, classes, "wide_resnet_22_2")


def _imagenet_resnet(name, block, blocks, classes, input_shape, width, weight_decay, synchronized):
    _check_arguments(
        classes, input_shape, width, weight_decay, synchronized, filters=64, smallest=32
    )
    # The variance scaling of the original: truncated normal, scale 1, fan in.
    layers = ResidualLayers("lecun_normal", weight_decay, synchronized)
    image = keras.Input(input_shape, name="image")
    x = layers.convolution(image, int(64 * width), 7, 2, "initial_convolution")
    x = layers.normalization(x, "initial_normalization")
    x = keras.layers.ReLU(name="initial_relu")(x)
    x = keras.layers.MaxPooling2D(3, strides=2, padding="same", name="initial_pooling")(x)
    filters = [int(count * width) for count in (64, 128, 256, 512)]
    x = groups(layers, x, block, blocks, filters, project_group_1=True)
    return classifier(layers, image, x, classes, name)


def _cifar_resnet(
    name, blocks, classes, input_shape, width, weight_decay, synchronized, initial_strides=1
):
    _check_arguments(
        classes, input_shape, width, weight_decay, synchronized, filters=16, smallest=4
    )
    layers = ResidualLayers("he_normal", weight_decay, synchronized)
    image = keras.Input(input_shape, name="image")
    x = layers.convolution(image, int(16 * width), 3, initial_strides, "initial_convolution")
    x = layers.normalization(x, "initial_normalization")
    x = keras.layers.ReLU(name="initial_relu")(x)
    filters = [int(count * width) for count in (16, 32, 64)]
    x = groups(layers, x, basic_block, [blocks] * 3, filters, project_group_1=False)
    return classifier(layers, image, x, classes, name)


def _check_arguments(classes, input_shape, width, weight_decay, synchronized, filters, smallest):
    check_integer("classes", classes, 2)
    check_image_shape(input_shape, smallest)
    if not (is_number(width) and filters * width >= 1):
        raise ValueError(
            f"`width` must be a number of at least 1/{filters}: it multiplies the {filters} "
            f"filters of the first convolution. Received: {width!r}."
        )
    check_number("weight_decay", weight_decay, least=0)
    check_flag("synchronized", synchronized)
