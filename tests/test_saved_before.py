"""A model file from before the layout of today, in which every technique is, loads as it was.

`tests/saved_before/techniques.keras` and what it predicted are of the code of commit 1e2a9d4, the
file compressed again. In it L0's groups are called "input", and `FixedMask` has its mask as text.
"""

import pathlib

import keras
import numpy as np
import pytest

import state_of_sparsity as sos

FILES = pathlib.Path(__file__).parent / "saved_before"
TECHNIQUES = {
    "gated": sos.L0Regularization,
    "pruned": sos.MagnitudePruning,
    "fixed": sos.FixedMask,
    "noisy": sos.VariationalDropout,
    "random": sos.RandomPruning,
    "units": sos.L0Regularization,
}


@pytest.fixture(scope="module")
def expected():
    with np.load(FILES / "techniques.npz") as arrays:
        return dict(arrays)


def check(model, expected):
    outputs = model.predict(expected["inputs"], verbose=0)
    np.testing.assert_allclose(outputs, expected["outputs"], rtol=1e-5, atol=1e-6)
    for path, mask in sos.masks(model).items():
        np.testing.assert_array_equal(mask, expected[path.replace("/", ".")])


def test_it_predicts_as_it_did_with_the_masks_it_had(expected, tmp_path):
    model = keras.saving.load_model(FILES / "techniques.keras")
    assert {name: type(layer) for name, layer in sos.sparse_layers(model).items()} == TECHNIQUES
    check(model, expected)
    groups = [model.get_layer(name).group for name in ("gated", "units")]
    assert groups == ["unit", "unit"]

    model.save(tmp_path / "again.keras")
    check(keras.saving.load_model(tmp_path / "again.keras"), expected)
    model.load_weights(FILES / "techniques.keras")
    check(model, expected)


def test_it_trains_on(expected):
    model = keras.saving.load_model(FILES / "techniques.keras")
    masks = sos.masks(model)
    assert int(model.optimizer.iterations) == 2
    updater = sos.UpdateSparsity()
    model.fit(expected["inputs"], np.ones((8, 2)), epochs=2, verbose=0, callbacks=[updater])
    np.testing.assert_array_equal(sos.masks(model)["fixed/kernel"], masks["fixed/kernel"])
