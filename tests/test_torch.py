"""The torch backend, in a process of its own, where torch is installed."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]


@pytest.mark.skipif(
    importlib.util.find_spec("torch") is None,
    reason="torch is not installed, and nothing here needs it: pip install torch",
)
def test_golden_states():
    # Keras itself has torch compile a function in a way that torch warns of.
    options = ["-q", "-W", "ignore:`torch.jit:DeprecationWarning", "-p", "no:cacheprovider"]
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "tests/test_golden.py"],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": "torch"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
