"""LeNet networks, as used for pruning studies on small images."""

from collections.abc import Sequence

import keras

from state_of_sparsity.arguments import check_integer
from state_of_sparsity.models.model_arguments import check_image_shape, check_whole_shape


def lenet_300_100(input_shape: Sequence[int] = (28, 28, 1), classes: int = 10) -> keras.Model:
    """Returns LeNet-300-100: two hidden layers of 300 and 100 ReLU units, then logits.

    Args:
        input_shape: shape of one example, e.g. `(height, width, channels)`; flattened first.
        classes: number of logits, at least 2.

    Returns:
        A built `keras.Sequential` with kernels in layers `hidden_1`, `hidden_2` and
        `logits`; its outputs are logits (no softmax).

    Raises:
        ValueError: if `classes` is no integer of at least 2, or `input_shape` no such shape.

    Example:

    >>> model = lenet_300_100(input_shape=(8, 8, 1), classes=10)
    >>> model.output_shape
    (None, 10)

    Reference:
        LeCun, Bottou, Bengio, Haffner (1998), "Gradient-based learning applied to document
        recognition", section III.C.
    """
    check_integer("classes", classes, 2)
    check_whole_shape(input_shape)
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


def lenet_5(input_shape: Sequence[int] = (28, 28, 1), classes: int = 10) -> keras.Model:
    """Returns LeNet-5 as Caffe has it: convolutions of 20 and 50 filters, then 500 ReLU units.

    Convolutions are 5x5, without padding, with ReLU, each followed by 2x2 maximum pooling, as in
    the code of the studies on its pruning. (Caffe's own file has no ReLU after them.)

    Args:
        input_shape: shape of one example, `(height, width, channels)`, 16 or more high and wide.
        classes: number of logits, at least 2.

    Returns:
        A built `keras.Sequential` with kernels in layers `convolution_1`, `convolution_2`, `hidden`
        and `logits` (430,500 weights at 28x28x1); its outputs are logits (no softmax).

    Raises:
        ValueError: if `classes` is no integer of at least 2, or `input_shape` no such shape.

    Example:

    >>> lenet_5().output_shape
    (None, 10)

    Reference:
        Jia et al. (2014), "Caffe", examples/mnist/lenet.prototxt, after LeCun et al. (1998).
    """
    check_integer("classes", classes, 2)
    check_whole_shape(input_shape)
    check_image_shape(input_shape, smallest=16)
    return keras.Sequential(
        [
            keras.Input(input_shape, name="image"),
            keras.layers.Conv2D(
                20,
                5,
                activation="relu",
                name="convolution_1",
            ),
            keras.layers.MaxPooling2D(2, name="pooling_1"),
            keras.layers.Conv2D(
                50,
                5,
                activation="relu",
                name="convolution_2",
            ),
            keras.layers.MaxPooling2D(2, name="pooling_2"),
            keras.layers.Flatten(name="flatten"),
            keras.layers.Dense(500, activation="relu", name="hidden"),
            keras.layers.Dense(classes, name="logits"),
        ],
        name="lenet_5",
    )
