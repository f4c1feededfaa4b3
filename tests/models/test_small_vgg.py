"""VGG-7: its fixed filters, its kernels, what it refuses, training."""

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from state_of_sparsity.models.small_vgg import vgg7, whitening_filters

IMAGES = np.random.default_rng(0).normal(size=(4, 12, 12, 3)).astype("float32")


def test_kernels():
    rows = {row.path.split("/")[0]: row.shape for row in sos.report(vgg7()).layers}
    shapes = [
        (3, 3, i, o) for i, o in ((24, 24), (24, 24), (24, 64), (64, 64), (64, 128), (128, 128))
    ]
    convolutions = {f"convolution_{n}": shape for n, shape in enumerate(shapes, start=1)}
    assert rows == {"whitening": (2, 2, 3, 24), **convolutions, "logits": (128, 10)}
    assert sos.report(vgg7()).size == 283_520 + 288
    assert [w.name for w in vgg7().trainable_weights].count("kernel") == 7


def test_the_filters_are_orthogonal_wavelets_and_their_negatives():
    filters = whitening_filters().reshape(12, 24)
    np.testing.assert_array_equal(filters[:, :12], -filters[:, 12:])
    lengths = np.linalg.norm(filters[:, :12], axis=0)
    products = filters[:, :12].T @ filters[:, :12] / np.outer(lengths, lengths)
    np.testing.assert_allclose(products, np.eye(12), atol=1e-6)
    grey = np.ones((2, 2, 3)).reshape(-1) @ filters
    np.testing.assert_allclose(np.flatnonzero(np.abs(grey) > 1e-5), [0, 12])
    # A grey patch has the mean 2 sqrt(3) times its brightness, divided by its deviation.
    assert grey[0] == pytest.approx(12**0.5 / np.sqrt(3.163**2 + 0.005), rel=1e-5)


def test_the_first_layer_gives_both_signs():
    model = vgg7(input_shape=(12, 12, 3))
    first = keras.Model(model.input, model.get_layer("whitening").output)(IMAGES)
    patches = np.lib.stride_tricks.sliding_window_view(IMAGES, (2, 2), axis=(1, 2))
    expected = np.einsum("nyxcab,abck->nyxk", patches, whitening_filters())
    np.testing.assert_allclose(first, np.maximum(expected, 0), atol=1e-4)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_training_leaves_the_filters_alone(policy):
    keras.config.set_dtype_policy(policy)
    model = vgg7(input_shape=(12, 12, 3), filters=(2, 3, 4))
    before = model.get_weights()
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(IMAGES, np.arange(4), verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    assert not np.array_equal(model.get_weights()[1], before[1])
    assert keras.backend.standardize_dtype(model(IMAGES).dtype) == "float32"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": 1}, "`classes` must be at least 2. Received: 1."),
        ({"filters": (24, 48)}, "`filters` must be three numbers"),
        ({"filters": (24, 0, 48)}, "`filters` must be at least 1. Received: 0."),
        ({"filters": 24}, "`filters` must be three numbers"),
        ({"filters": (24, "64", 128)}, "`filters` must be an integer.* Received: '64'"),
        ({"input_shape": (8, 8, 3)}, "`input_shape` must be .*, 9 or more high"),
        ({"input_shape": (32, 32, 1)}, "must have 3 colours"),
        ({"weight_decay": -1}, "`weight_decay` must be a number of at least 0. Received: -1."),
    ],
)
def test_arguments_out_of_range(changes, message):
    with pytest.raises(ValueError, match=message):
        vgg7(**changes)
