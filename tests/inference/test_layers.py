"""Every kind of layer that is taken computes what Keras computes, in few steps."""

import keras
import numpy as np
import pytest
from keras import layers

pytest.importorskip("numba", reason="the extra `inference` brings it")

from state_of_sparsity.inference import compile
from tests.inference.pruned import check_runs_alike, kinds, prune

AROUND = {"ToChannels", "FromChannels"}


def compiled(model, **settings):
    return compile(prune(model), threads=1, measure=False, **settings)


def steps_between(runner):
    return [kind for kind in kinds(runner) if kind not in AROUND]


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("strides", [1, 2, 3, (1, 2)])
@pytest.mark.parametrize("size", [1, 2, 3, (5, 1)])
def test_convolutions(size, strides, padding):
    """Two of them, so that a second one reads what the first wrote around its maps."""
    first = layers.Conv2D(6, size, strides, padding=padding, activation="relu")
    second = layers.Conv2D(5, 3, padding="same", use_bias=False)
    model = keras.Sequential([keras.Input((11, 8, 3)), first, second])
    runner = compiled(model)
    check_runs_alike(model, runner)
    split = ["SplitPhases"] if strides != 1 else []
    assert steps_between(runner) == [*split, "Product", "Product"]


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv2D(6, 3, dilation_rate=2, padding="same"),
        layers.Conv2D(6, 3, dilation_rate=(1, 2)),
        layers.Conv2D(6, 3, groups=2, activation="relu6"),
        layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2),
        layers.DepthwiseConv2D(3, strides=2),
        layers.Conv2D(6, 3, activation="gelu", padding="same"),
        layers.Conv2D(6, 3, activation="softmax"),
        layers.Dense(7),
    ],
    ids=[
        "dilated",
        "dilated one way",
        "groups",
        "depthwise",
        "strides",
        "gelu",
        "softmax",
        "dense",
    ],
)
def test_other_layers_over_maps(layer):
    model = keras.Sequential([keras.Input((9, 10, 4)), layer, layers.Conv2D(3, 3)])
    runner = compiled(model)
    check_runs_alike(model, runner)
    assert "KerasCalls" not in kinds(runner)


def test_a_residual_block_is_products_alone():
    """Padding, normalization, ReLU and the sum are within the products, whichever comes first."""
    inputs = keras.Input((12, 11, 4))
    shortcut = layers.BatchNormalization()(layers.Conv2D(6, 1, 2)(inputs))
    x = layers.ZeroPadding2D(((1, 0), (1, 2)))(inputs)
    x = layers.ReLU()(layers.BatchNormalization(scale=False)(layers.Conv2D(6, 3, 2)(x)))
    x = layers.BatchNormalization(center=False)(layers.Conv2D(6, 3, padding="same")(x))
    x = layers.ReLU(6.0)(layers.Add()([layers.Dropout(0.5)(x), shortcut[:, :6, :6]]))
    x = layers.ReLU()(layers.Add()([layers.Conv2D(6, 3, padding="same")(x), x]))
    model = keras.Model(inputs, x)
    runner = compiled(model)
    check_runs_alike(model, runner)
    assert kinds(runner).count("Product") == 4
    assert kinds(runner).count("KerasCalls") == 1  # what Python's brackets do


def test_what_cannot_be_fused_is_a_product_too():
    """Outputs that others read stay as they are: each layer after them is a diagonal product."""
    inputs = keras.Input((6, 7, 3))
    x = layers.Conv2D(4, 3, padding="same")(inputs)
    normal = layers.BatchNormalization()(x)
    clipped = layers.ReLU()(normal)
    total = layers.Add()([normal, x])
    outputs = [layers.Conv2D(2, 3)(layers.Add()([clipped, clipped])), total, x]
    model = keras.Model(inputs, outputs)
    runner = compiled(model)
    check_runs_alike(model, runner)
    assert "KerasCalls" not in kinds(runner)


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(("size", "strides"), [(2, 2), (3, 2), ((3, 2), (1, 3))])
def test_pools(size, strides, padding, padded):
    inputs = keras.Input((9, 8, 3))
    x = layers.Conv2D(4, 3, padding="same")(inputs)  # negative in places, unlike after ReLU
    x = layers.ZeroPadding2D(1)(x) if padded else x
    x = layers.MaxPooling2D(size, strides, padding=padding)(x)
    model = keras.Model(inputs, [layers.Conv2D(3, 3, padding="same")(x), x])
    runner = compiled(model)
    check_runs_alike(model, runner)
    assert ("KerasCalls" in kinds(runner)) == (padded and padding == "same")


def test_a_classifier_from_image_to_probabilities():
    model = keras.Sequential(
        [
            *(keras.Input((14, 14, 1)), layers.Conv2D(6, 5, activation="relu")),
            *(layers.MaxPooling2D(2), layers.Flatten(), layers.Dense(12, "tanh")),
            *(layers.Dropout(0.5), layers.Dense(5, "softmax")),
        ]
    )
    runner = compiled(model)
    check_runs_alike(model, runner)
    assert "KerasCalls" not in kinds(runner)


@pytest.mark.parametrize("pool", [layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D])
def test_pools_of_whole_maps(pool):
    model = keras.Sequential(
        [keras.Input((6, 7, 2)), layers.Conv2D(20, 3), pool(), layers.Rescaling(0.5, 1)]
    )
    runner = compiled(model)
    check_runs_alike(model, runner)
    assert "KerasCalls" not in kinds(runner)


@pytest.mark.parametrize(
    ("equation", "shape", "bias_axes", "taken"),
    [
        ("abc,cd->abd", (5, 6), "d", True),
        ("abc,cde->abde", (5, 3, 2), "de", True),
        ("abc,dc->abd", (5, 6), None, True),
        ("...c,cd->...d", 6, "d", True),
        ("abc,bd->adc", (6, 4), None, False),
        ("abc,cd->abd", (5, 6), "bd", False),
    ],
)
def test_einsum_dense(equation, shape, bias_axes, taken):
    layer = layers.EinsumDense(equation, shape, bias_axes=bias_axes, activation="relu")
    model = keras.Sequential([keras.Input((5, 4)), layer])
    runner = compiled(model)
    check_runs_alike(model, runner)
    assert ("Product" in kinds(runner)) == taken


def test_a_transformers_encoder():
    """What is not known runs by Keras; attention is read through."""
    inputs = keras.Input((6, 8))
    x = layers.LayerNormalization()(inputs)
    x = layers.Add()([inputs, layers.MultiHeadAttention(2, 4)(x, x)])
    heads = layers.EinsumDense("abc,cde->abde", (6, 2, 3), bias_axes="de")(x)
    y = layers.EinsumDense("abde,def->abf", (6, 16), bias_axes="f", activation="gelu")(heads)
    x = layers.Add()([x, layers.Dense(8)(y)])
    model = keras.Model(inputs, [x, heads + 1])
    runner = compiled(model)
    check_runs_alike(model, runner)
    assert kinds(runner).count("Product") == 7 and kinds(runner).count("KerasCalls") == 2


class Table(layers.Layer):
    """One table for all examples, whatever it is called on."""

    def build(self, input_shape):
        self.table = self.add_weight(shape=(1, *input_shape[1:]), name="table_kernel")

    def call(self, inputs):
        return self.table + 0.0


def test_what_is_one_for_all_examples_is_left_to_keras():
    """Constants among inputs, and tables that are projected or added."""
    x = keras.Input((6, 8))
    hidden, other = layers.Dense(4)(x), layers.Dense(4)(x)
    table = Table()(hidden)
    total = layers.Add()([hidden, other, keras.ops.ones((1, 6, 4))])
    outputs = [total, layers.Dense(4)(table) + hidden, layers.Add()([other, table])]
    model = keras.Model(x, outputs)
    check_runs_alike(model, compiled(model))


class Unhashable:
    __hash__ = None

    def __call__(self, x):
        return keras.ops.relu(x) + 1


def test_an_activation_of_ones_own():
    model = keras.Sequential([keras.Input((6,)), layers.Dense(4, Unhashable()), layers.Dense(3)])
    check_runs_alike(model, compiled(model))


def test_models_inside_a_model_are_read_too():
    """Each call of one has steps of its own; layers called twice, or to train, are right too."""
    shared = layers.Conv2D(4, 3, padding="same", activation="relu")
    inputs = keras.Input((6, 6, 4))
    inner = keras.Model(inputs, layers.BatchNormalization()(shared(shared(inputs))))
    outer = keras.Input((6, 6, 4))
    x = inner(inner(outer))
    x = layers.BatchNormalization()(x, training=True)
    model = keras.Model(outer, keras.Sequential([layers.Conv2D(2, 1)])(x))
    runner = compiled(model)
    check_runs_alike(model, runner)
    assert kinds(runner).count("Product") == 7 and kinds(runner).count("KerasCalls") == 1


@pytest.mark.slow  # a whole network, of every kind of block
@pytest.mark.parametrize("name", ["ResNet50", "MobileNetV2", "VGG16", "DenseNet121"])
def test_networks_of_keras(name):
    model = getattr(keras.applications, name)(
        weights=None, input_shape=(64, 64, 3), classifier_activation=None
    )
    random = np.random.default_rng(0)
    for weight in model.weights:
        if "kernel" in weight.name:  # as large outputs as before
            weight.assign(weight * (random.random(weight.shape) < 0.25) * 2)
        elif len(weight.shape) == 1:
            weight.assign(weight + random.uniform(0, 0.2, weight.shape))
    runner = compile(model, threads=2, measure=False)
    check_runs_alike(model, runner, batch=2)
