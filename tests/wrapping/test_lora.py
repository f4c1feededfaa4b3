"""LoRA in sparse layers: they are stripped with it, and the report counts what the layer uses."""

import keras
import numpy as np
import pytest
from keras import layers

import state_of_sparsity as sos
from tests.slow_variants import slow_but

# Keras freezes the kernel that LoRA is added to.
pytestmark = pytest.mark.filterwarnings("ignore:Frozen layers are sparse")

HALF = sos.schedules.ConstantSparsity(0.5, begin_step=0)
RNG = np.random.default_rng(0)
VECTORS, WORDS = (
    RNG.normal(size=(2, 6, 8)).astype("float32"),
    (np.arange(12).reshape(2, 6) % 10).astype("int32"),
)
IMAGES = RNG.normal(size=(2, 6, 6, 6, 2)).astype("float32")


def attention(layer):
    inputs = keras.Input((6, 8))
    return keras.Model(inputs, layer(inputs, inputs))


def alone(layer, x):
    inputs = keras.Input(x.shape[1:], dtype=str(x.dtype))
    return keras.Model(inputs, layer(inputs))


KINDS = {
    "dense": (lambda: alone(layers.Dense(5), VECTORS), VECTORS),
    "einsum": (
        lambda: alone(layers.EinsumDense("abc,cde->abde", output_shape=(6, 3, 4)), VECTORS),
        VECTORS,
    ),
    "embedding": (lambda: alone(layers.Embedding(10, 4), WORDS), WORDS),
    "reversible": (
        lambda: alone(layers.ReversibleEmbedding(10, 4, tie_weights=False), WORDS),
        WORDS,
    ),
    "conv1d": (lambda: alone(layers.Conv1D(3, 2), VECTORS), VECTORS),
    "conv2d": (lambda: alone(layers.Conv2D(3, 2), IMAGES[0]), IMAGES[0]),
    "conv3d": (lambda: alone(layers.Conv3D(3, 2), IMAGES), IMAGES),
    "attention": (lambda: attention(layers.MultiHeadAttention(2, 4)), VECTORS),
    "grouped attention": (lambda: attention(layers.GroupQueryAttention(4, 2, 1)), VECTORS),
}
TECHNIQUES = {
    "magnitude": lambda layer: sos.MagnitudePruning(layer, HALF),
    "variational": lambda layer: sos.VariationalDropout(layer, 0.1, threshold=-3.0),
}


def with_lora(model):
    """Returns the layers of a model that can have LoRA, with it, at a scale of their own."""
    found = [
        layer
        for layer in model._flatten_layers()
        if hasattr(layer, "enable_lora") and not isinstance(layer, sos.SparseWrapper)
    ]
    for layer in found:
        layer.enable_lora(2, lora_alpha=3)
        for variable in layer._trainable_variables:
            if variable.name in ("lora_kernel_b", "lora_embeddings_b"):
                variable.assign(RNG.normal(size=variable.shape))
    assert found
    return found


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    ("kind", "technique"),
    [
        pytest.param(k, t, marks=() if t == "magnitude" or k == "dense" else pytest.mark.slow)
        for k in KINDS
        for t in TECHNIQUES
    ],
)
def test_every_layer_that_can_have_it(kind, first, technique):
    make, x = KINDS[kind]
    model = make()
    if first:
        with_lora(model)
    sparse = sos.sparsify(model, TECHNIQUES[technique])
    if not first:
        with_lora(sparse)
    sos.UpdateSparsity().update(sparse, 0) if technique == "magnitude" else None
    outputs = np.asarray(sparse(x))
    plain = sos.strip(sparse)
    np.testing.assert_allclose(np.asarray(plain(x)), outputs, rtol=1e-5, atol=1e-5)
    masks = sos.masks(sparse)
    for before, after in zip(sos.report(sparse).layers, sos.report(plain).layers, strict=True):
        lora = not before.path.endswith("reverse_embeddings")
        expected = before.size if lora else masks[before.path].sum()
        assert (before.nonzero, before.path) == (expected, after.path)
        assert (after.nonzero, after.technique) == (expected, "dense")
        assert before.bytes_gzip and after.bytes_gzip
    assert not any("lora" in path for path in masks)
    assert "LoRA's product is added" in str(sos.report(sparse))
    assert any(0 < mask.mean() < 1 for mask in masks.values())


def test_the_values_counted_are_those_that_the_layer_uses():
    model = KINDS["dense"][0]()
    (layer,) = with_lora(model)
    layer.lora_kernel_a.assign(np.eye(8, 2))
    layer.lora_kernel_b.assign(np.eye(2, 5))
    sparse = sos.sparsify(model, TECHNIQUES["magnitude"])
    sos.UpdateSparsity().update(sparse, 0)
    (mask,) = sos.masks(sparse).values()
    used = mask | (np.eye(8, 5) * ([[1]] * 2 + [[0]] * 6) > 0)
    assert sos.report(sparse).nonzero == used.sum()
    np.testing.assert_array_equal(np.asarray(sos.strip(sparse).layers[-1].kernel) != 0, used)


@pytest.mark.parametrize("mode", slow_but(["int8"], ["int8", "int4"]))
@pytest.mark.parametrize("kind", slow_but(["embedding"], ["dense", "einsum", "embedding"]))
def test_on_top_of_a_quantized_kernel(kind, mode):
    make, x = KINDS[kind]
    sparse = sos.sparsify(make(), TECHNIQUES["magnitude"])
    sos.UpdateSparsity().update(sparse, 0)
    plain = sos.strip(sparse)
    plain.layers[-1].quantize(mode)
    with_lora(plain)
    report = sos.report(plain)
    assert report.size == report.nonzero == sos.report(sparse).size
    assert "LoRA's product is added" in str(report) and "Quantized to" in str(report)
    copy = sos.strip(plain)
    np.testing.assert_allclose(np.asarray(copy(x)), np.asarray(plain(x)), rtol=1e-5, atol=1e-5)
