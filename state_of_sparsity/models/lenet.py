"""LeNet networks, as used for pruning studies on small images."""

from collections.abc import Sequence

import keras

from state_of_sparsity.arguments import check_integer, check_number, is_integer
from state_of_sparsity.models.model_arguments import check_image_shape, check_whole_shape


def lenet_300_100(
    input_shape: Sequence[int] = (28, 28, 1),
    classes: int = 10,
    kernel_initializer: str = "glorot_uniform",
) -> keras.Model:
    """Returns LeNet-300-100: two hidden layers of 300 and 100 ReLU units, then logits.

    Args:
        input_shape: shape of one example, e.g. `(height, width, channels)`; flattened first.
        classes: number of logits, at least 2.
        kernel_initializer: Keras's name of what draws the kernels, such as "glorot_normal".

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
    _check_initializer(kernel_initializer)
    drawn = {"kernel_initializer": kernel_initializer}
    return keras.Sequential(
        [
            keras.Input(input_shape, name="image"),
            keras.layers.Flatten(name="flatten"),
            keras.layers.Dense(300, activation="relu", name="hidden_1", **drawn),
            keras.layers.Dense(100, activation="relu", name="hidden_2", **drawn),
            keras.layers.Dense(classes, name="logits", **drawn),
        ],
        name="lenet_300_100",
    )


def lenet_5(
    input_shape: Sequence[int] = (28, 28, 1),
    classes: int = 10,
    filters: Sequence[int] = (20, 50),
    units: Sequence[int] = (500,),
    weight_decay: float = 0.0,
) -> keras.Model:
    """Returns LeNet-5 as Caffe has it: convolutions of 20 and 50 filters, then 500 ReLU units.

    Convolutions are 5x5, without padding, with ReLU, each followed by 2x2 maximum pooling, as in
    the code of the studies on its pruning. (Caffe's own file has no ReLU after them.)

    Args:
        input_shape: shape of one example, `(height, width, channels)`, 16 or more high and wide.
        classes: number of logits, at least 2.
        filters: of the two convolutions; the original had 6 and 16.
        units: of the hidden layers; the original had 120 and 84.
        weight_decay: every kernel's penalty is `weight_decay / 2 * sum(kernel^2)`; 0 for none.

    Returns:
        A built `keras.Sequential` with kernels in layers `convolution_1`, `convolution_2`, `hidden`
        (of several `hidden_1` and so on) and `logits` (430,500 weights at 28x28x1); its outputs are
        logits (no softmax).

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
    _check_sizes("filters", filters, 2)
    _check_sizes("units", units)
    check_number("weight_decay", weight_decay, least=0)
    regularizer = keras.regularizers.L2(weight_decay / 2) if weight_decay else None
    decay = {"kernel_regularizer": regularizer}
    names = ["hidden"] if len(units) == 1 else [f"hidden_{i + 1}" for i in range(len(units))]
    return keras.Sequential(
        [
            keras.Input(input_shape, name="image"),
            keras.layers.Conv2D(filters[0], 5, activation="relu", name="convolution_1", **decay),
            keras.layers.MaxPooling2D(2, name="pooling_1"),
            keras.layers.Conv2D(filters[1], 5, activation="relu", name="convolution_2", **decay),
            keras.layers.MaxPooling2D(2, name="pooling_2"),
            keras.layers.Flatten(name="flatten"),
            *(
                keras.layers.Dense(size, activation="relu", name=name, **decay)
                for name, size in zip(names, units, strict=True)
            ),
            keras.layers.Dense(classes, name="logits", **decay),
        ],
        name="lenet_5",
    )


def _check_sizes(name, sizes, count=None):
    given = sizes if isinstance(sizes, Sequence) else ()
    whole = all(is_integer(size) and size >= 1 for size in given)
    if not given or not whole or len(given) != (count or len(given)):
        raise ValueError(
            f"`{name}` must be {count or 'some'} integers of at least 1. Received: {sizes!r}."
        )


def _check_initializer(name):
    # Not by making one: it would draw a seed, and all weights of a seed were others than before.
    kind = getattr(keras.initializers, name, None) if isinstance(name, str) else None
    if not (isinstance(kind, type) and issubclass(kind, keras.initializers.Initializer)):
        raise ValueError(
            "`kernel_initializer` must be the name of a Keras initializer, such as "
            f"'glorot_normal'. Received: {name!r}."
        )
