"""The comparison of two commits finds what differs, and nothing else."""

import json
import pathlib
import types

import numpy as np
import pytest

from tests.script_folder import imported_as_a_script

FOLDER = pathlib.Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def compare_commits(monkeypatch):
    with imported_as_a_script(monkeypatch, FOLDER):
        import compare_commits

        yield compare_commits


def write_run(folder, mask=(True, False), loss="0.5", steps=20, **more):
    (folder / "checkpoints").mkdir(parents=True)
    np.savez(folder / "checkpoints" / "step_00000020.npz", header="{}", a=np.array(mask))
    (folder / "metrics.csv").write_text(f"step,loss\n20,{loss}\n")
    (folder / "report.csv").write_text("path,nonzero\nhidden/kernel,1\n")
    (folder / "result.json").write_text(json.dumps({"steps": steps, "commit": str(folder), **more}))
    return folder


def test_equal_runs_are_equal_whatever_their_commit(compare_commits, tmp_path):
    first, second = (write_run(tmp_path / side) for side in "ab")
    assert list(compare_commits.differences(first, second)) == []


def test_a_column_that_was_renamed_is_compared(compare_commits, tmp_path):
    first = write_run(tmp_path / "a", word_accuracy=0.5)
    second = write_run(tmp_path / "b", token_accuracy=0.25)
    found = list(compare_commits.differences(first, second))
    assert found == ["token_accuracy of result.json differs: 0.5 and 0.25"]


def test_macros_have_the_names_of_the_commit(compare_commits, tmp_path):
    (tmp_path / "gin_configs").mkdir()
    for macro, known in (("HIDDEN", "HIDDEN"), ("HIDDEN_DIM", "HIDDEN_DIM")):
        (tmp_path / "gin_configs" / "base.gin").write_text(f"# Size\n{macro} = 1\n")
        command = compare_commits._command("transformer_l0", tmp_path, tmp_path)
        assert f"--gin_binding={known} = 32" in command
        assert "--gin_binding=BEAM = 1" in command and "--gin_binding=STEPS = 20" in command


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"mask": (False, False)}, "1 of 1 arrays of the checkpoint differ"),
        ({"mask": (1, 0)}, "1 of 1 arrays of the checkpoint differ"),
        ({"loss": "0.50000001"}, "loss of metrics.csv differs"),
        ({"steps": 21}, "steps of result.json differs: 20 and 21"),
        ({"batch_size": 8}, "only in second: batch_size of result.json"),
    ],
)
def test_what_differs_is_named(compare_commits, tmp_path, change, says):
    first, second = write_run(tmp_path / "a"), write_run(tmp_path / "b", **change)
    (found,) = compare_commits.differences(first, second)
    assert found.startswith(says)


def test_a_commit_is_trained_in_a_folder_of_its_own(compare_commits, tmp_path, monkeypatch):
    called = []

    def run(command, **more):
        called.append((command, more))
        return types.SimpleNamespace(returncode=0)

    monkeypatch.setattr(compare_commits.subprocess, "run", run)
    compare_commits.train_all("HEAD", tmp_path / "first", ["dense", "global_threshold"])
    trained = [(command, more) for command, more in called if "-m" in command]
    assert len(trained) == 2 and len(called) == 4
    for _, more in trained:
        assert more["cwd"] == tmp_path / "first_clone"
        assert more["env"]["PYTHONPATH"] == str(more["cwd"])
    assert "global_magnitude.schedule" in (tmp_path / "first" / "global_threshold.gin").read_text()
