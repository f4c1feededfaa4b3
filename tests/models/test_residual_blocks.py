"""Residual blocks in the networks made of them: padding, start, batch statistics, penalties."""

import functools

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from state_of_sparsity.models import resnet

IMAGES = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
THIN = {"input_shape": (32, 32, 3), "width": 1 / 4}
V1 = [resnet.resnet18, resnet.resnet50, resnet.resnet20]


@functools.cache
def thin(make):
    return make(**THIN)


def outputs_of(model, names, training=False):
    """Returns what the layers of these names put out for `IMAGES`."""
    outputs = [model.get_layer(name).output for name in names]
    found = keras.Model(model.input, outputs)(IMAGES, training=training)
    return [np.asarray(output) for output in found]


def normalizations(model):
    return [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]


@pytest.mark.parametrize("make", V1)
@pytest.mark.parametrize("training", [False, True])
def test_every_block_starts_as_the_rectified_shortcut(make, training):
    model = thin(make)
    last = 3 if make is resnet.resnet50 else 2
    additions = [x for x in model.layers if isinstance(x, keras.layers.Add)]
    names = [
        name
        for addition in additions
        for name in (
            *(each._keras_history.operation.name for each in addition.input),
            addition.name.replace("addition", f"relu_{last}"),
        )
    ]
    outputs = outputs_of(model, names, training)
    for residual, shortcut, output in zip(*[iter(outputs)] * 3, strict=True):
        assert not np.any(residual)
        np.testing.assert_array_equal(output, np.maximum(shortcut, 0))
        assert np.any(output)


@pytest.mark.parametrize("make", V1)
def test_only_the_last_scale_of_a_block_starts_at_zero(make):
    last = "normalization_3" if make is resnet.resnet50 else "normalization_2"
    for layer in normalizations(thin(make)):
        expected = 0 if layer.name.endswith(last) else 1
        assert np.all(np.asarray(layer.gamma) == expected), layer.name


def test_a_pre_activation_block_is_the_bare_sum_of_its_branches():
    model = thin(resnet.wide_resnet_22_2)
    for layer in normalizations(model):
        assert np.all(np.asarray(layer.gamma) == 1)
    before, residual, after = outputs_of(
        model,
        [
            "group_2_block_1_addition",
            "group_2_block_2_convolution_2",
            "group_2_block_2_addition",
        ],
    )
    assert np.any(residual) and before.min() < 0
    np.testing.assert_allclose(after, before + residual, atol=1e-6)


def test_a_pre_activation_block_projects_the_activated_inputs():
    model = thin(resnet.wide_resnet_22_2)
    block = "group_2_block_1_"
    names = [block + name for name in ("relu_1", "convolution_2", "projection", "addition")]
    activated, residual, projected, output = outputs_of(model, names)
    kernel = np.asarray(model.get_layer(block + "projection").kernel)[0, 0]
    np.testing.assert_allclose(projected, activated[:, ::2, ::2] @ kernel, atol=1e-5)
    np.testing.assert_allclose(output, projected + residual, atol=1e-6)


def slow_convolution(images, kernel, strides, before):
    """Returns the convolution of images with `before` zeros before and `size - 1` in all."""
    size = len(kernel)
    around = (before, size - 1 - before)
    images = np.pad(images.astype("float64"), ((0, 0), around, around, (0, 0)))
    height, width = (1 + (length - size) // strides for length in images.shape[1:3])
    output = np.zeros((len(images), height, width, kernel.shape[-1]))
    for row in range(height):
        for column in range(width):
            y, x = row * strides, column * strides
            patch = images[:, y : y + size, x : x + size]
            output[:, row, column] = np.tensordot(patch, kernel, axes=3)
    return output


@pytest.mark.parametrize(
    ("make", "source", "name", "strides", "before"),
    [
        (resnet.resnet18, None, "initial_convolution", 2, 3),
        (resnet.resnet20, None, "initial_convolution", 1, 1),
        (resnet.resnet20, "group_1_block_3_relu_2", "group_2_block_1_convolution_1", 2, 1),
        (resnet.resnet50, "group_1_block_3_relu_3", "group_2_block_1_projection", 2, 0),
    ],
)
def test_strided_convolutions_have_fixed_padding(make, source, name, strides, before):
    model = thin(make)
    inputs, found = outputs_of(model, [source or "image", name])
    kernel = np.asarray(model.get_layer(name).kernel)
    np.testing.assert_allclose(
        found, slow_convolution(inputs, kernel, strides, before), rtol=1e-5, atol=1e-5
    )


def test_the_bottleneck_strides_in_its_3x3_convolution():
    strided = {
        layer.name: layer.kernel_size
        for layer in thin(resnet.resnet50).layers
        if isinstance(layer, keras.layers.Conv2D) and layer.strides != (1, 1)
    }
    expected = {"initial_convolution": (7, 7)}
    for group in (2, 3, 4):
        expected[f"group_{group}_block_1_convolution_2"] = (3, 3)
        expected[f"group_{group}_block_1_projection"] = (1, 1)
    assert strided == expected


def test_kernels_start_as_published():
    model = resnet.resnet18(input_shape=(32, 32, 3), width=0.5)
    names = ("group_4_block_2_convolution_1", "group_4_block_2_convolution_2")
    first, second = (np.asarray(model.get_layer(name).kernel) for name in names)
    assert first.shape == second.shape and not np.allclose(first, second)
    deviation = (1 / (9 * 256)) ** 0.5  # scale 1, fan in
    np.testing.assert_allclose(first.std(), deviation, rtol=0.01)
    assert abs(first).max() < 2.3 * deviation  # cut off at 2, and stretched to the deviation
    logits = model.get_layer("logits")
    np.testing.assert_allclose(np.std(logits.kernel), 0.01, rtol=0.01)
    assert not np.any(logits.bias)
    for make in (resnet.resnet20, resnet.wide_resnet_22_2):  # He: scale 2
        kernel = make().get_layer("group_3_block_2_convolution_1").kernel
        np.testing.assert_allclose(np.std(kernel), (2 / (9 * kernel.shape[2])) ** 0.5, rtol=0.02)


@pytest.mark.parametrize("make", [resnet.resnet50, resnet.resnet20, resnet.wide_resnet_22_2])
def test_nothing_but_the_logits_has_a_bias(make):
    biased = [x.name for x in thin(make).layers if getattr(x, "bias", None) is not None]
    assert biased == ["logits"]


@pytest.mark.parametrize("synchronized", [False, True])
def test_batch_normalization_is_the_published_one(synchronized):
    model = resnet.resnet50(**THIN, synchronized=synchronized)
    layers = normalizations(model)
    assert len(layers) == 53
    for layer in layers:
        found = (layer.momentum, layer.epsilon, layer.scale, layer.center, layer.synchronized)
        assert found == (0.9, 1e-5, True, True, synchronized)
    assert np.isfinite(model(IMAGES, training=True)).all()


@pytest.mark.parametrize(
    ("make", "options", "weight_decay", "policy"),
    [
        (resnet.resnet18, {}, 1e-4, "float32"),
        (resnet.resnet20, {}, 1e-4, "mixed_bfloat16"),
        (resnet.wide_resnet_22_2, {}, 5e-4, "float32"),
        (resnet.resnet20, {"weight_decay": 0.5}, 0.5, "float32"),
    ],
)
def test_weight_decay_is_half_the_sum_of_squares_of_kernels(make, options, weight_decay, policy):
    keras.config.set_dtype_policy(policy)
    model = make(**THIN, **options)
    kernels = [np.asarray(x.kernel) for x in model.layers if hasattr(x, "kernel")]
    squares = sum(np.square(kernel).sum() for kernel in kernels)
    np.testing.assert_allclose(sum(model.losses), weight_decay / 2 * squares, rtol=1e-5)
    assert len(model.losses) == len(kernels)


def test_there_is_no_penalty_without_weight_decay():
    assert resnet.resnet20(**THIN, weight_decay=0).losses == []


@pytest.mark.parametrize("make", [resnet.resnet18, resnet.wide_resnet_22_2])
def test_logits_are_float32_in_mixed_precision(make):
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = make(**THIN)
    *inner, logits = model.layers[1:]
    assert {layer.output.dtype for layer in inner} == {"bfloat16"}
    assert logits.output.dtype == "float32"
    assert {weight.dtype for weight in model.weights} == {"float32"}
    schedule = sos.schedules.ConstantSparsity(0.5, begin_step=0)
    sparse = sos.sparsify(model, lambda layer: sos.MagnitudePruning(layer, schedule))
    for network in (model, sparse):
        found = network(IMAGES)
        # Computed in float32, not cast from bfloat16, which would be a whole number of its steps.
        rounded = keras.ops.cast(keras.ops.cast(found, "bfloat16"), "float32")
        assert not np.array_equal(found, rounded)
