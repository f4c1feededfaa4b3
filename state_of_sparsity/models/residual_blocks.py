"""Residual blocks: basic, bottleneck and pre-activation, and the layers they are made of."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import keras


@dataclasses.dataclass(frozen=True)
class ResidualLayers:
    """What the convolutions and batch normalizations of one residual network have in common.

    Args:
        kernel_initializer: name of the Keras initializer of convolution kernels.
        weight_decay: a kernel's penalty is `weight_decay / 2 * sum(kernel^2)`; 0 for none.
        synchronized: whether batch statistics are taken over all replicas, not over each.

    Example:

    >>> layers = ResidualLayers("he_normal", weight_decay=1e-4, synchronized=False)
    >>> layers.convolution(keras.Input((8, 8, 3)), 16, 3, strides=2, name="convolution").shape
    (None, 4, 4, 16)
    """

    # A name, not an instance: an instance draws the same values for all kernels of one shape.
    kernel_initializer: str
    weight_decay: float
    synchronized: bool

    def kernel_penalty(self) -> keras.regularizers.Regularizer | None:
        """Returns a new L2 regularizer, or `None` without weight decay."""
        return keras.regularizers.L2(0.5 * self.weight_decay) if self.weight_decay else None

    def convolution(self, inputs: Any, filters: int, size: int, strides: int, name: str) -> Any:
        """Returns a convolution without bias, whose padding does not depend on the image's size.

        With stride 1 the padding is SAME. With a greater stride `size - 1` zeros are added to
        height and width, half of them (rounded down) before and the rest after.
        """
        missing = size - 1 if strides > 1 else 0
        if missing:
            both = (missing // 2, missing - missing // 2)
            inputs = keras.layers.ZeroPadding2D((both, both), name=f"{name}_padding")(inputs)
        return keras.layers.Conv2D(
            filters,
            size,
            strides=strides,
            padding="same" if strides == 1 else "valid",
            use_bias=False,
            kernel_initializer=self.kernel_initializer,
            kernel_regularizer=self.kernel_penalty(),
            name=name,
        )(inputs)

    def normalization(self, inputs: Any, name: str, gamma_initializer: str = "ones") -> Any:
        """Returns batch normalization with momentum 0.9 and epsilon 1e-5."""
        return keras.layers.BatchNormalization(
            momentum=0.9,
            epsilon=1e-5,
            gamma_initializer=gamma_initializer,
            synchronized=self.synchronized,
            name=name,
        )(inputs)


def basic_block(
    layers: ResidualLayers, inputs: Any, filters: int, strides: int, project: bool, name: str
) -> Any:
    """Two 3x3 convolutions: `ReLU(shortcut + norm(conv(ReLU(norm(conv(inputs))))))`.

    The scale of the last normalization starts at 0, so that the block starts as `ReLU(shortcut)`.

    Args:
        layers: `ResidualLayers` of the network.
        inputs: images, `(batch, height, width, channels)`.
        filters: filters of each convolution.
        strides: stride of the first convolution, and of the projection.
        project: whether the shortcut is a 1x1 convolution with batch normalization and without
            ReLU; else it is `inputs`.
        name: the layers' names begin with `<name>_`.

    Returns:
        Images of `filters` channels.

    Example:

    >>> layers = ResidualLayers("he_normal", weight_decay=1e-4, synchronized=False)
    >>> basic_block(layers, keras.Input((8, 8, 4)), 16, strides=2, project=True, name="block").shape
    (None, 4, 4, 16)

    Reference: He et al., 2015, "Deep Residual Learning", figure 5, left; Goyal et al., 2017,
    section 5.1 (the scale of 0).
    """
    shortcut = _projection(layers, inputs, filters, strides, name) if project else inputs
    x = layers.convolution(inputs, filters, 3, strides, f"{name}_convolution_1")
    x = layers.normalization(x, f"{name}_normalization_1")
    x = keras.layers.ReLU(name=f"{name}_relu_1")(x)
    x = layers.convolution(x, filters, 3, 1, f"{name}_convolution_2")
    x = layers.normalization(x, f"{name}_normalization_2", gamma_initializer="zeros")
    x = keras.layers.Add(name=f"{name}_addition")([x, shortcut])
    return keras.layers.ReLU(name=f"{name}_relu_2")(x)


def bottleneck_block(
    layers: ResidualLayers, inputs: Any, filters: int, strides: int, project: bool, name: str
) -> Any:
    """Convolutions 1x1, 3x3 and 1x1, the last with `4 * filters`; the 3x3 takes the stride.

    As in `basic_block`, whose arguments it has, every convolution is followed by a normalization,
    and the scale of the last one starts at 0.

    Returns:
        Images of `4 * filters` channels.

    Example:

    >>> layers = ResidualLayers("he_normal", weight_decay=1e-4, synchronized=False)
    >>> bottleneck_block(layers, keras.Input((8, 8, 4)), 16, 2, project=True, name="block").shape
    (None, 4, 4, 64)

    Reference: He et al., 2015, "Deep Residual Learning", figure 5, right, with the stride on the
    3x3 convolution as in Goyal et al., 2017, section 5.1.
    """
    shortcut = _projection(layers, inputs, 4 * filters, strides, name) if project else inputs
    x = layers.convolution(inputs, filters, 1, 1, f"{name}_convolution_1")
    x = layers.normalization(x, f"{name}_normalization_1")
    x = keras.layers.ReLU(name=f"{name}_relu_1")(x)
    x = layers.convolution(x, filters, 3, strides, f"{name}_convolution_2")
    x = layers.normalization(x, f"{name}_normalization_2")
    x = keras.layers.ReLU(name=f"{name}_relu_2")(x)
    x = layers.convolution(x, 4 * filters, 1, 1, f"{name}_convolution_3")
    x = layers.normalization(x, f"{name}_normalization_3", gamma_initializer="zeros")
    x = keras.layers.Add(name=f"{name}_addition")([x, shortcut])
    return keras.layers.ReLU(name=f"{name}_relu_3")(x)


def pre_activation_block(
    layers: ResidualLayers, inputs: Any, filters: int, strides: int, project: bool, name: str
) -> Any:
    """Two 3x3 convolutions, each of `a(x) = ReLU(norm(x))`: `shortcut + conv(a(conv(a(inputs))))`.

    Arguments as for `basic_block`. A projection takes `a(inputs)` and has no normalization. No
    scale starts at 0: a convolution follows each, and would get neither activations nor gradients.

    Returns:
        Images of `filters` channels, not rectified.

    Example:

    >>> layers = ResidualLayers("he_normal", weight_decay=5e-4, synchronized=False)
    >>> pre_activation_block(layers, keras.Input((8, 8, 4)), 16, 2, True, name="block").shape
    (None, 4, 4, 16)

    Reference: Zagoruyko, Komodakis, 2016, "Wide Residual Networks", figure 1c and its code.
    """
    x = layers.normalization(inputs, f"{name}_normalization_1")
    x = keras.layers.ReLU(name=f"{name}_relu_1")(x)
    shortcut = inputs
    if project:
        shortcut = layers.convolution(x, filters, 1, strides, f"{name}_projection")
    x = layers.convolution(x, filters, 3, strides, f"{name}_convolution_1")
    x = layers.normalization(x, f"{name}_normalization_2")
    x = keras.layers.ReLU(name=f"{name}_relu_2")(x)
    x = layers.convolution(x, filters, 3, 1, f"{name}_convolution_2")
    return keras.layers.Add(name=f"{name}_addition")([x, shortcut])


def groups(
    layers: ResidualLayers,
    x: Any,
    block: Callable[..., Any],
    blocks: Sequence[int],
    filters: Sequence[int],
    project_group_1: bool,
) -> Any:
    """Adds groups of blocks; all but group 1 halve height and width in their first block."""
    for group, (count, width) in enumerate(zip(blocks, filters, strict=True), start=1):
        for number in range(1, count + 1):
            first = number == 1
            strides = 2 if first and group > 1 else 1
            project = first and (group > 1 or project_group_1)
            x = block(layers, x, width, strides, project, f"group_{group}_block_{number}")
    return x


def classifier(layers: ResidualLayers, image: Any, x: Any, classes: int, name: str) -> keras.Model:
    """Returns the model that ends in average pooling and a matrix with bias."""
    x = keras.layers.GlobalAveragePooling2D(name="pooling")(x)
    logits = keras.layers.Dense(
        classes,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
        kernel_regularizer=layers.kernel_penalty(),
        dtype="float32",  # bfloat16 holds three digits: too few for a softmax
        name="logits",
    )(x)
    return keras.Model(image, logits, name=name)


def _projection(layers, inputs, filters, strides, name):
    shortcut = layers.convolution(inputs, filters, 1, strides, f"{name}_projection")
    return layers.normalization(shortcut, f"{name}_projection_normalization")
