"""The benchmark that made the table of docs/l0_regularization.md runs."""

import json
import pathlib
import subprocess
import sys

import pytest

from tests.script_folder import imported_as_a_script

FOLDER = pathlib.Path(__file__).parents[2] / "benchmarks"


def test_help():
    command = [sys.executable, FOLDER / "l0_penalties.py", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "--l0_weights" in done.stdout and done.stderr == ""


@pytest.mark.filterwarnings("ignore:No gate of sos.L0")
def test_it_measures_sparsity_and_accuracy(monkeypatch, tmp_path, capsys):
    path = tmp_path / "results.json"
    flags = ["--network=convolutions", "--l0_weights=1e-3", "--epochs=1", "--seeds=1"]
    monkeypatch.setattr(sys, "argv", ["l0_penalties.py", *flags, f"--output={path}"])
    with imported_as_a_script(monkeypatch, FOLDER):
        import l0_penalties

        l0_penalties.main()
    found = json.loads(path.read_text())["found"]
    assert [each["l0_weight"] for each in found] == [None, 1e-3]
    assert all(0 <= value <= 1 for each in found for run in each["runs"] for value in run)
    assert "sparsity  test accuracy" in capsys.readouterr().out
