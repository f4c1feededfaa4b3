"""`save_compressed`: what it writes is small, and plain Keras reads it."""

import os
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from state_of_sparsity import compressed_file
from state_of_sparsity.output_path import OutputPathError


def lenet():
    sizes = {"hidden_1": 300, "hidden_2": 100, "logits": 10}
    layers = [keras.layers.Dense(size, name=name) for name, size in sizes.items()]
    return keras.Sequential([keras.Input((784,)), *layers], name="lenet")


def pruned(model, sparsity):
    schedule = sos.schedules.ConstantSparsity(sparsity, begin_step=0)
    sparse = sos.sparsify(model, lambda layer: sos.MagnitudePruning(layer, schedule), copy=True)
    sos.UpdateSparsity().update(sparse, 0)
    return sparse


def size_of_plain_file(model, folder):
    model.save(folder / "plain.keras")
    return os.path.getsize(folder / "plain.keras")


@pytest.fixture(scope="module")
def dense():
    keras.utils.set_random_seed(0)
    return lenet()


@pytest.fixture(scope="module")
def sparse(dense):
    """Nine of ten weights are zero."""
    return pruned(dense, 0.9)


def test_nine_zeros_in_ten_are_a_fifth_of_the_file(dense, sparse, tmp_path):
    """Beside the dense model as Keras saves it, which has no optimizer either."""
    path = tmp_path / "small.keras"
    size = sos.save_compressed(sos.strip(sparse), path)
    assert size == os.path.getsize(path)
    assert 7 * size < size_of_plain_file(dense, tmp_path)
    assert 6 * size < sos.save_compressed(dense, tmp_path / "dense.keras")
    # About what a bit a weight and the non-zeros take.
    assert size < 1.1 * sos.report(sparse).bytes_bitmask


READ = """
import sys
sys.modules["state_of_sparsity"] = None  # cannot be imported
import keras, numpy as np
model = keras.saving.load_model("small.keras")
np.save("outputs.npy", np.asarray(model(np.load("inputs.npy"))))
np.savez("weights.npz", *model.get_weights())
assert "tensorflow" not in sys.modules
"""


def test_plain_keras_reads_it(sparse, tmp_path):
    stripped = sos.strip(sparse)
    sos.save_compressed(stripped, tmp_path / "small.keras")
    inputs = np.random.default_rng(0).normal(size=(3, 784)).astype("float32")
    np.save(tmp_path / "inputs.npy", inputs)
    environment = os.environ | {"KERAS_BACKEND": "numpy"}
    subprocess.run([sys.executable, "-c", READ], cwd=tmp_path, env=environment, check=True)
    outputs = np.load(tmp_path / "outputs.npy")
    np.testing.assert_allclose(outputs, sparse.predict(inputs, verbose=0), rtol=1e-4, atol=1e-4)
    with np.load(tmp_path / "weights.npz") as weights:
        for got, wanted in zip(weights.values(), stripped.get_weights(), strict=True):
            np.testing.assert_array_equal(got, wanted)


def test_what_training_left_is_not_saved(tmp_path):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    before = sos.save_compressed(model, tmp_path / "before.keras")
    model.compile("adam", "mse")
    model.fit(np.ones((8, 4)), np.ones((8, 3)), verbose=0)
    after = sos.save_compressed(model, tmp_path / "after.keras")
    assert abs(after - before) < 100  # the values differ
    assert model.optimizer.iterations == 1
    loaded = keras.saving.load_model(tmp_path / "after.keras")
    assert not loaded.compiled
    for got, wanted in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_quantized_weights_and_vocabularies_come_back(tmp_path):
    words = keras.layers.StringLookup(vocabulary=["one", "two"])
    texts = keras.Input((2,), dtype="string")
    outputs = keras.layers.Dense(8)(keras.layers.Embedding(4, 8)(words(texts)))
    model = keras.Model(texts, outputs)
    model.quantize("int8", filters=lambda layer: isinstance(layer, keras.layers.Dense))
    sos.save_compressed(model, tmp_path / "small.keras")
    loaded = keras.saving.load_model(tmp_path / "small.keras")
    given = keras.ops.convert_to_tensor([["one", "three"]])
    np.testing.assert_array_equal(loaded(given), model(given))
    assert loaded.layers[-1].kernel.dtype == "int8"


def test_sparse_layers_are_refused(sparse, tmp_path):
    with pytest.raises(ValueError, match=r"`model` must be plain.*3 sparse.*sos\.strip\(model\)"):
        sos.save_compressed(sparse, tmp_path / "small.keras")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["model.h5", "model.zip", "model"])
def test_other_suffixes_are_refused(name, dense, tmp_path):
    with pytest.raises(ValueError, match=rf"`path` must end in '\.keras'\. Received: .*{name}'"):
        sos.save_compressed(dense, tmp_path / name)


def test_a_path_that_cannot_be_written(dense, tmp_path):
    (tmp_path / "folder.keras").mkdir()
    with pytest.raises(OutputPathError, match="`path` must be a file that can be written"):
        sos.save_compressed(dense, tmp_path / "folder.keras")


def test_a_failed_save_leaves_the_old_file(dense, tmp_path, monkeypatch):
    path = tmp_path / "small.keras"
    path.write_text("the old one")
    monkeypatch.setattr(compressed_file.shutil, "copyfileobj", fails)
    with pytest.raises(OSError, match="disk"):
        sos.save_compressed(dense, path)
    assert path.read_text() == "the old one"
    assert list(tmp_path.iterdir()) == [path]


def fails(*args):
    raise OSError("disk full")


def test_what_keras_would_refuse_is_not_written(dense, tmp_path, monkeypatch):
    """Keras takes a large archive that shrank too well for one made to fill memory."""
    saving = sys.modules[keras.saving.save_model.__module__.replace("saving_api", "saving_lib")]
    assert saving._ZIP_EXTRACT_BOMB_FLOOR_BYTES == compressed_file._REFUSED_BYTES
    assert saving._ZIP_MEMBER_MAX_EXPANSION == compressed_file._REFUSED_RATIO
    monkeypatch.setattr(compressed_file, "_REFUSED_BYTES", 1 << 20)
    nearly_empty = sos.strip(pruned(dense, 0.999))
    with pytest.raises(ValueError, match=r"`model` is too sparse.*more than 100 times"):
        sos.save_compressed(nearly_empty, tmp_path / "small.keras")
    assert not list(tmp_path.iterdir())


def test_every_file_in_it_is_deflated(dense, tmp_path):
    sos.save_compressed(dense, str(tmp_path / "new" / "small.keras"))
    with zipfile.ZipFile(tmp_path / "new" / "small.keras") as archive:
        assert {"config.json", "metadata.json", "model.weights.h5"} <= {*archive.namelist()}
        assert {file.compress_type for file in archive.infolist()} == {zipfile.ZIP_DEFLATED}
        assert archive.testzip() is None
