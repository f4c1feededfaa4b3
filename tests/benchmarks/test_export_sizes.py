"""Every form that the benchmark exports to predicts as the model does, with all its zeros."""

import pathlib
import sys

import keras
import numpy as np
import pytest

from tests.script_folder import imported_as_a_script
from tests.slow_variants import slow_but

FOLDER = pathlib.Path(__file__).parents[2] / "benchmarks"
SPARSITY = 0.9
# The largest difference of an output, in the largest output. Where weights are integers, outputs
# are rounded to the 256 values that an activation may have.
TOLERANCES = {
    "`model.save`": 0,
    "`sos.save_compressed`": 0,
    '`model.quantize("int8")`, `sos.save_compressed`': 0.05,
    "SavedModel": 1e-5,
    "LiteRT": 1e-5,
    "LiteRT, sparse": 1e-5,
    "LiteRT, dynamic range": 0.05,
    "LiteRT, int8": 0.05,
    "LiteRT, int8, sparse": 0.05,
    "ONNX": 1e-5,
}
# Others are as one of these, or what docs/how_to/litert.md shows.
QUICK = ["`sos.save_compressed`", "SavedModel", "LiteRT, int8", "ONNX"]
# How many times the file of the sparse model goes into that of the dense one, at the least.
TIMES_SMALLER = {
    "`sos.save_compressed`": 5,
    '`model.quantize("int8")`, `sos.save_compressed`': 3,
    "LiteRT, sparse": 5,
    "LiteRT, int8, sparse": 2,
}


@pytest.fixture(scope="module")
def script():
    with pytest.MonkeyPatch.context() as patch, imported_as_a_script(patch, FOLDER):
        import export_sizes

        yield export_sizes


@pytest.fixture(scope="module")
def pair(script):
    """A network with a kernel of each kind, dense and pruned, and images."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    dense = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(64, 3, name="conv", activation="relu"),
            layers.BatchNormalization(name="normalization"),
            layers.DepthwiseConv2D(3, name="depthwise"),
            layers.Conv2D(128, 1, name="pointwise", activation="relu"),
            layers.Flatten(),
            layers.Dense(64, name="hidden", activation="relu"),
            layers.Dense(10, name="logits"),
        ]
    )
    sparse = script.pruned(dense, SPARSITY)
    images = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype("float32")
    for model in (dense, sparse):
        script.normalize(model, images)
    return dense, sparse, images


def test_every_form_has_a_tolerance(script):
    assert TOLERANCES.keys() == script.FORMS.keys() > TIMES_SMALLER.keys()


@pytest.mark.parametrize("form", slow_but(QUICK, TOLERANCES))
def test_a_form_predicts_the_same_with_all_its_zeros(form, script, pair, tmp_path):
    if form == "ONNX":
        for package in ("tf2onnx", "onnxruntime"):
            pytest.importorskip(package, reason="needs ONNX: pip install 'state_of_sparsity[onnx]'")
    row = script.examine(form, *pair, tmp_path, rounds=2)
    assert row["kept"] == row["kernels"] == 5
    assert row["difference"] <= TOLERANCES[form] * row["largest"]
    assert row["largest"] > 0.01
    assert row["dense"] > TIMES_SMALLER.get(form, 0.9) * row["sparse"]
    assert all(len(cell) for cell in script.cells(form, row)[:7])


def test_zeros_that_are_lost_are_found(script, pair):
    dense, sparse, _ = pair
    kernels = [weight for weight in sparse.get_weights() if weight.ndim > 1]
    assert all(script.zeros_kept(kernel, sparse.get_weights()) for kernel in kernels)
    assert not any(script.zeros_kept(kernel, dense.get_weights()) for kernel in kernels)
    nothing = [np.zeros_like(kernel) for kernel in kernels]
    assert not any(script.zeros_kept(kernel, nothing) for kernel in kernels)


def test_it_prints_a_table(script, monkeypatch, capsys):
    flags = ["--network=lenet", "--forms=`sos.save_compressed`", "--rounds=0"]
    monkeypatch.setattr(sys, "argv", ["export_sizes.py", *flags])
    script.main()
    shown = capsys.readouterr().out
    assert "| `sos.save_compressed` | 9" in shown and "3 of 3" in shown
    assert "Kernels alone: 1,064,800 bytes, 139,755 as a bit" in shown
