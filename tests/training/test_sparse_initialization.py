"""Weights drawn for masks: distributions and scales of each kind of layer, and the seed."""

import keras
import numpy as np
import pytest
from keras import layers

import state_of_sparsity as sos
from state_of_sparsity.surgery.structure import model_kernels
from state_of_sparsity.training.sparse_initialization import sparsity_aware


def model():
    images, words = keras.Input((8, 8, 20)), keras.Input((5,), dtype="int32")
    x = layers.Conv2D(50, 3, name="convolution")(images)
    x = layers.Conv2D(40, 1, name="projection")(x)
    x = layers.Dense(60, name="dense")(layers.GlobalAveragePooling2D()(x))
    y = layers.Embedding(100, 64, name="words")(words)
    y = layers.MultiHeadAttention(4, 16, name="attention")(y, y)
    y = layers.LSTM(30, name="lstm")(y)
    outputs = layers.Dense(10, name="head")(layers.Concatenate()([x, y]))
    return keras.Model([images, words], outputs, name="model")


def masked(density):
    plain, generator = model(), np.random.default_rng(0)
    paths = {k.path: k.shape for k in model_kernels(plain) if k.path.split("/")[0] != "head"}
    masks = {path: generator.uniform(size=shape) < density for path, shape in paths.items()}
    return sos.fix_masks(plain, masks), masks


# The study's formulas, by the number of weights left: (kind, its standard deviation or limit).
EXPECTED = {
    "convolution/kernel": lambda left: ("normal", (2 / (left / 20)) ** 0.5),
    "projection/kernel": lambda left: ("normal", (2 / (left / 50)) ** 0.5),
    "dense/kernel": lambda left: ("uniform", (6 / (left / 40 + left / 60)) ** 0.5),
    "words/embeddings": lambda left: ("normal", (left / 100) ** -0.5),
    "attention/query/kernel": lambda left: ("uniform", (6 / (left / 64 + left / 64)) ** 0.5),
    "lstm/lstm_cell/kernel": lambda left: ("uniform", (6 / (left / 64 + left / 120)) ** 0.5),
}


@pytest.mark.parametrize("density", [1.0, 0.2])
def test_scales_and_distributions(density):
    sparse, masks = masked(density)
    sparsity_aware(sparse, 0)
    found = {kernel.path: kernel.variable.numpy() for kernel in model_kernels(sparse)}
    for path, formula in EXPECTED.items():
        left = int(masks[path].sum())
        kind, scale = formula(left)
        values = found[path].reshape(-1)
        assert abs(values.mean()) < 4 * values.std() / values.size**0.5, path
        if kind == "normal":
            assert values.std() == pytest.approx(scale, rel=0.06), path
            assert np.abs(values).max() > 2.5 * scale, path
        else:
            assert np.abs(values).max() == pytest.approx(scale, rel=0.01), path
            assert values.std() == pytest.approx(scale / 3**0.5, rel=0.06), path


def test_the_seed_decides_and_what_is_dense_stays():
    first, second, third = (masked(0.5)[0] for _ in range(3))
    head, bias = first.get_layer("head").kernel.numpy(), first.get_layer("head").bias.numpy()
    for each, seed in ((first, 1), (second, 1), (third, 2)):
        sparsity_aware(each, seed)
    np.testing.assert_array_equal(first.get_layer("head").kernel, head)
    np.testing.assert_array_equal(first.get_layer("head").bias, bias)
    drawn = [
        {k.path: k.variable.numpy() for k in model_kernels(each) if k.wrapper is not None}
        for each in (first, second, third)
    ]
    assert drawn[0]
    for path, values in drawn[0].items():
        np.testing.assert_array_equal(values, drawn[1][path])
        assert not np.array_equal(values, drawn[2][path])
    # Kernels of one shape have weights of their own.
    query, key = (drawn[0][f"attention/{name}/kernel"] for name in ("query", "key"))
    assert not np.allclose(query / query.std(), key / key.std(), atol=0.1)


def test_a_mask_without_weights_and_a_kernel_whose_axes_are_not_known():
    dense = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="dense")])
    with pytest.warns(UserWarning, match="no weight of"):
        sparse = sos.fix_masks(dense, {"dense/kernel": np.zeros((4, 3))})
    with pytest.raises(ValueError, match=r"'dense/kernel' of shape .* with 0 weights left"):
        sparsity_aware(sparse, 0)

    class Own(layers.Layer):
        def build(self, input_shape):
            self.core = self.add_weight(name="core", shape=(input_shape[-1], 2, 3))

        def call(self, inputs):
            return keras.ops.einsum("ba,acd->bcd", inputs, self.core)

    own = keras.Sequential([keras.Input((4,)), Own(name="own")])
    sparse = sos.fix_masks(own, {"own/core": np.ones((4, 2, 3))})
    with pytest.raises(ValueError, match=r"'own/core'.*whose axes are not known"):
        sparsity_aware(sparse, 0)
