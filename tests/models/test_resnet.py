"""Residual networks as a whole: numbers of weights, shapes, names, arguments, pruning."""

import re

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from state_of_sparsity.models import resnet

IMAGES = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")


@pytest.fixture(scope="module")
def thin_resnet50():
    return resnet.resnet50(classes=10, width=1 / 16)


def shape_size(shape):
    return int(np.prod(shape))


def trainable_weights(model):
    return sum(shape_size(weight.shape) for weight in model.trainable_weights)


def kernel_weights(model):
    return sum(shape_size(layer.kernel.shape) for layer in model.layers if hasattr(layer, "kernel"))


def published_imagenet_weights(blocks, bottleneck):
    """Returns the weights in kernels and in all, with projections only where channels change.

    Every filter of a convolution has a scale and a shift.
    """
    convolutions, channels = [(7, 3, 64)], 64
    for group, count in enumerate(blocks):
        filters = 64 * 2**group
        outputs = 4 * filters if bottleneck else filters
        for number in range(count):
            if bottleneck:
                convolutions += [(1, channels, filters), (3, filters, filters)]
                convolutions += [(1, filters, outputs)]
            else:
                convolutions += [(3, channels, filters), (3, filters, filters)]
            if number == 0 and channels != outputs:
                convolutions += [(1, channels, outputs)]
            channels = outputs
    kernels = sum(size**2 * inputs * outputs for size, inputs, outputs in convolutions)
    kernels += channels * 1000
    return kernels, kernels + 1000 + sum(2 * outputs for _, _, outputs in convolutions)


def wide_weights(depth, k, classes=10):
    """Returns the weights in kernels and in all of WRN-`depth`-`k`."""
    kernels, scales, channels = 3 * 9 * 16, 0, 16
    for filters in (16 * k, 32 * k, 64 * k):
        for number in range((depth - 4) // 6):
            kernels += 9 * channels * filters + 9 * filters**2
            kernels += channels * filters if number == 0 and channels != filters else 0
            scales += channels + filters
            channels = filters
    kernels += channels * classes
    return kernels, kernels + 2 * (scales + channels) + classes


SLOW = pytest.mark.slow
IMAGENET = [
    # Depth, blocks, whether of bottlenecks, and the weights of torchvision's network (200: timm's).
    (18, (2, 2, 2, 2), False, 11_689_512),
    (34, (3, 4, 6, 3), False, 21_797_672),
    (50, (3, 4, 6, 3), True, 25_557_032),
    pytest.param(101, (3, 4, 23, 3), True, 44_549_160, marks=SLOW),
    pytest.param(152, (3, 8, 36, 3), True, 60_192_808, marks=SLOW),
    pytest.param(200, (3, 24, 36, 3), True, 64_673_832, marks=SLOW),
]


@pytest.mark.parametrize(("depth", "blocks", "bottleneck", "published"), IMAGENET)
def test_imagenet_networks_have_the_published_number_of_weights(
    depth, blocks, bottleneck, published
):
    kernels, weights = published_imagenet_weights(blocks, bottleneck)
    assert weights == published
    # Basic blocks of group 1 have an identity elsewhere, a projection with its scales here.
    projection = 0 if bottleneck else 64 * 64
    model = getattr(resnet, f"resnet{depth}")()
    assert model.name == f"resnet{depth}"
    assert kernel_weights(model) == kernels + projection
    assert trainable_weights(model) == weights + (projection + 2 * 64 if projection else 0)
    if depth == 50:
        assert kernel_weights(model) == sos.report(model).size == 25_502_912


@pytest.mark.parametrize(
    ("make", "blocks", "option_a"),
    [
        (resnet.resnet8, 1, 75_290),  # 97,216 less for each block of the three groups
        (resnet.resnet20, 3, 269_722),
        (resnet.resnet32, 5, 464_154),
        (resnet.resnet56, 9, 853_018),
    ],
)
def test_cifar_networks_have_the_published_number_of_weights(make, blocks, option_a):
    model = make()
    assert model.name == make.__name__
    # Two projections, 16 to 32 and 32 to 64 channels, with scales and shifts: option B.
    assert trainable_weights(model) == option_a + 16 * 32 + 32 * 64 + 2 * (32 + 64)
    assert sum(hasattr(layer, "kernel") for layer in model.layers) == 6 * blocks + 2 + 2
    projections = [x.name for x in model.layers if x.name.endswith("projection")]
    assert projections == ["group_2_block_1_projection", "group_3_block_1_projection"]


def test_resnet8_may_start_with_stride_2():
    model = resnet.resnet8(width=2, initial_strides=2)
    sides = [layer.output.shape[1] for layer in model.layers if layer.name.endswith("addition")]
    assert sides == [16, 8, 4]
    assert kernel_weights(model) == 864 + 18_432 + 57_344 + 229_376 + 1_280
    with pytest.raises(ValueError, match=r"`initial_strides` must be 1 or 2. Received: 3\."):
        resnet.resnet8(initial_strides=3)


def test_the_wide_network_has_the_published_number_of_weights():
    published = {(40, 1): 0.6, (40, 2): 2.2, (22, 8): 17.2, (28, 10): 36.5}  # millions, table 2
    assert {each: round(wide_weights(*each)[1] / 1e6, 1) for each in published} == published
    model = resnet.wide_resnet_22_2()
    assert (kernel_weights(model), trainable_weights(model)) == wide_weights(22, 2)


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (resnet.resnet18, (33, 70, 1)),
        (resnet.resnet20, (4, 5, 1)),
        (resnet.wide_resnet_22_2, (28, 28, 1)),
    ],
)
def test_returns_logits_of_images_of_any_size(make, shape):
    model = make(classes=4, input_shape=shape, width=1 / 16)
    outputs = np.asarray(model(np.random.default_rng(0).normal(size=(2, *shape))))
    assert model.output_shape == (None, 4)
    assert outputs.shape == (2, 4) and np.isfinite(outputs).all()
    assert not np.allclose(outputs.sum(axis=1), 1.0)


def test_one_network_takes_images_of_all_sizes():
    model = resnet.resnet18(classes=4, input_shape=(None, None, 3), width=1 / 16)
    fixed = resnet.resnet18(classes=4, input_shape=(32, 32, 3), width=1 / 16)
    fixed.set_weights(model.get_weights())
    np.testing.assert_allclose(model(IMAGES), fixed(IMAGES), atol=1e-6)
    assert model(IMAGES[:, :, :30]).shape == (2, 4)


def test_images_shrink_as_published(thin_resnet50):
    shapes = {layer.name: layer.output.shape[1:] for layer in thin_resnet50.layers}
    assert shapes["initial_convolution"] == (112, 112, 4)
    assert shapes["initial_pooling"] == (56, 56, 4)
    for group, size in enumerate((56, 28, 14, 7), start=1):
        assert shapes[f"group_{group}_block_3_relu_3"] == (size, size, 16 * 2 ** (group - 1))
    shapes = {layer.name: layer.output.shape[1:] for layer in resnet.wide_resnet_22_2().layers}
    for group, (size, filters) in enumerate(((32, 32), (16, 64), (8, 128)), start=1):
        assert shapes[f"group_{group}_block_3_addition"] == (size, size, filters)


def test_kernels_have_names_to_write_rules_for(thin_resnet50):
    expected = ["initial_convolution", "logits"]
    for group, blocks in enumerate((3, 4, 6, 3), start=1):
        expected.append(f"group_{group}_block_1_projection")
        for block in range(1, blocks + 1):
            expected += [f"group_{group}_block_{block}_convolution_{i}" for i in (1, 2, 3)]
    paths = [row.path for row in sos.report(thin_resnet50).layers]
    assert sorted(paths) == sorted(f"{name}/kernel" for name in expected)


def test_names_do_not_depend_on_what_was_built_before(thin_resnet50):
    first, second = (resnet.resnet20(width=0.25).layers for _ in range(2))
    assert [layer.name for layer in first] == [layer.name for layer in second]
    names = [layer.name for layer in (*thin_resnet50.layers, *first)]
    parts = r"convolution|padding|normalization|relu|pooling|addition|projection"
    pattern = rf"image|logits|pooling|initial_\w+|group_\d_block_\d(_({parts})(_\d)?)+"
    assert [name for name in names if not re.fullmatch(pattern, name)] == []


@pytest.mark.parametrize("width", [0.3, 1.5])
def test_width_multiplies_filters_and_rounds_down(width):
    model = resnet.resnet20(width=width, classes=7)
    filters = [int(count * width) for count in (16, 32, 64)]
    assert model.get_layer("initial_convolution").kernel.shape == (3, 3, 3, filters[0])
    for group, count in enumerate(filters, start=1):
        kernel = model.get_layer(f"group_{group}_block_2_convolution_1").kernel
        assert kernel.shape == (3, 3, count, count)
    assert model.get_layer("logits").kernel.shape == (filters[2], 7)


def pruning(layer):
    return sos.MagnitudePruning(layer, sos.schedules.ConstantSparsity(0.5, begin_step=0))


@pytest.mark.filterwarnings("ignore:`model` was made sparse before")
def test_every_kernel_of_resnet50_is_wrapped(thin_resnet50):
    sparse = sos.sparsify(thin_resnet50, pruning)
    assert len(sos.sparse_layers(sparse)) == 54
    rules = [("^(initial_convolution|logits)$", None), ("^group_3_block_1_", pruning)]
    assert len(sos.sparse_layers(sos.sparsify(thin_resnet50, rules))) == 4


@pytest.mark.slow
@pytest.mark.parametrize("make", [resnet.resnet18, resnet.wide_resnet_22_2])
def test_a_step_of_training_with_pruning(make):
    model = sos.sparsify(make(classes=4, input_shape=(32, 32, 3), width=1 / 16), pruning)
    model.compile(
        keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        run_eagerly=True,  # a graph of so many layers takes seconds to make
    )
    before = np.array(model.get_layer("logits").layer.kernel)
    labels, callbacks = np.array([1, 3]), [sos.UpdateSparsity()]
    history = model.fit(IMAGES, labels, epochs=1, verbose=0, callbacks=callbacks)
    assert np.isfinite(history.history["loss"][0])
    assert not np.array_equal(before, model.get_layer("logits").layer.kernel)
    for row in sos.report(model).layers:
        assert row.nonzero == row.size - round(0.5 * row.size), row.path


MAKES = [resnet.resnet50, resnet.resnet20, resnet.wide_resnet_22_2]


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"classes": 1}, r"`classes` must be at least 2\. Received: 1\."),
        ({"classes": 10.0}, r"`classes` must be an integer.* Received: 10\.0\."),
        ({"classes": "10"}, r"`classes` must be an integer.* Received: '10'\."),
        ({"classes": True}, r"`classes` must be an integer.* Received: True\."),
        ({"width": 0}, r"`width` must be a number of at least 1/\d+: .* Received: 0\."),
        ({"width": "1"}, r"`width` must be a number .* Received: '1'\."),
        ({"width": float("inf")}, r"`width` must be a number .* Received: inf\."),
        ({"width": -1.0}, r"`width` must be a number of at least .* Received: -1\.0\."),
        ({"width": 0.01}, r"`width` must be a number of at least .* Received: 0\.01\."),
        ({"weight_decay": -1e-4}, r"`weight_decay` must be a number .* Received: -0\.0001\."),
        ({"weight_decay": "1e-4"}, r"`weight_decay` must be a number .* Received: '1e-4'\."),
        ({"weight_decay": float("nan")}, r"`weight_decay` must be a number .* Received: nan\."),
        ({"input_shape": (3, 64, 3)}, r"`input_shape` must be .* Received: \(3, 64, 3\)\."),
        ({"input_shape": (64, 3, 3)}, r"`input_shape` must be .* Received: \(64, 3, 3\)\."),
        ({"input_shape": (64, 64)}, r"`input_shape` must be .* Received: \(64, 64\)\."),
        ({"input_shape": 64}, r"`input_shape` must be .* Received: 64\."),
        ({"input_shape": ("64", 64, 3)}, r"`input_shape` must be .* Received: \('64', 64, 3\)\."),
        ({"input_shape": (64.0, 64, 3)}, r"`input_shape` must be .* Received: \(64\.0, 64, 3\)\."),
        ({"input_shape": (64, 64, None)}, r"`input_shape` must be .* Received: .*None\)\."),
    ],
)
def test_arguments_out_of_range_are_refused(make, arguments, message):
    with pytest.raises(ValueError, match=message):
        make(**arguments)


def test_networks_for_imagenet_need_larger_images_than_those_for_cifar():
    with pytest.raises(ValueError, match=r"32 or more high and wide, or None"):
        resnet.resnet18(input_shape=(31, 32, 3))
    with pytest.raises(ValueError, match=r"4 or more high and wide"):
        resnet.resnet56(input_shape=(4, 3, 3))
