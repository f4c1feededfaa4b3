"""`sparsify` and `strip` on the networks of `keras.applications`."""

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from benchmarks import models_table

APPLICATIONS = {
    "MobileNetV3Small": 54,
    "ResNet50": 54,
    "EfficientNetB0": 82,
    "ConvNeXtTiny": 59,
}
SLOW = [
    pytest.param(name, marks=pytest.mark.slow if name != "MobileNetV3Small" else ())
    for name in APPLICATIONS
]
SCHEDULE = sos.schedules.ConstantSparsity(0.8, begin_step=0)


@pytest.mark.parametrize("name", SLOW)
def test_an_application(name, tmp_path):
    plain = getattr(keras.applications, name)(weights=None, input_shape=(32, 32, 3), classes=5)
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype("float32")
    before = plain(images).numpy()
    sparse = sos.sparsify(plain, lambda layer: sos.MagnitudePruning(layer, SCHEDULE))
    # As many as there are convolution and dense layers: all of them, and nothing else.
    kinds = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.Dense)
    expected = [layer.name for layer in plain.layers if isinstance(layer, kinds)]
    expected += [
        f"{outer.name}/{inner.name}"
        for outer in plain.layers
        if isinstance(outer, keras.Model)
        for inner in outer.layers
        if isinstance(inner, kinds)
    ]
    assert sorted(sos.sparse_layers(sparse)) == sorted(expected)
    assert len(expected) == APPLICATIONS[name]
    np.testing.assert_allclose(sparse(images).numpy(), before, rtol=1e-5, atol=1e-7)

    sos.UpdateSparsity().update(sparse, 0)
    masks = sos.masks(sparse)
    for mask in masks.values():
        assert np.count_nonzero(~mask) == round(0.8 * mask.size)
    outputs = sparse(images).numpy()
    stripped = sos.strip(sparse)
    np.testing.assert_allclose(stripped(images).numpy(), outputs, rtol=1e-5, atol=1e-7)
    for path, mask in masks.items():
        layer = stripped
        for part in path.split("/")[:-1]:
            layer = layer.get_layer(part)
        assert not layer.kernel.numpy()[~mask].any()
    sparse.save(tmp_path / "sparse.keras")
    loaded = keras.saving.load_model(tmp_path / "sparse.keras")
    np.testing.assert_allclose(loaded(images).numpy(), outputs, rtol=1e-5, atol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("name", models_table.application_names())
def test_every_application(name):
    kernels, left_alone, size, zeros = models_table.examine(models_table.application(name))
    assert kernels > 0 and left_alone == 0
    assert abs(zeros - 0.8 * size) <= kernels


def test_there_are_forty_applications():
    assert len(models_table.application_names()) == 40
