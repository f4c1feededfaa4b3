"""The benchmark of translation runs, and what it compares translates alike."""

import argparse
import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from tests.script_folder import imported_as_a_script

FOLDER = pathlib.Path(__file__).parents[2] / "benchmarks"
FLAGS = ["--pairs=2000", "--sentences=3", "--source_length=5", "--target_length=7"]
FLAGS += ["--vocabulary_size=20", "--num_layers=1", "--hidden_dim=8", "--rounds=6"]


@pytest.fixture(autouse=True)
def _as_a_script(monkeypatch):
    with imported_as_a_script(monkeypatch, FOLDER):
        yield


def test_help():
    command = [sys.executable, FOLDER / "translation.py", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "--output" in done.stdout and done.stderr == ""


@pytest.mark.slow
def test_it_measures_text_and_translations(monkeypatch, tmp_path, capsys):
    import translation

    path = tmp_path / "results.json"
    monkeypatch.setattr(sys, "argv", ["translation.py", *FLAGS, f"--output={path}"])
    translation.main()
    found = json.loads(path.read_text())
    assert len(found["data"]["sentences_per_s"]) == 3
    assert set(found["ratios"]) == {translation.BEAM, translation.PEER}
    assert f"time, {translation.PEER} / greedy: " in capsys.readouterr().out


def test_greedy_search_and_its_peer_find_the_same():
    import translation

    names = (
        "sentences",
        "source_length",
        "target_length",
        "vocabulary_size",
        "num_layers",
        "hidden_dim",
    )
    options = argparse.Namespace(**dict(zip(names, (4, 5, 7, 20, 1, 8), strict=True)))
    actions = translation.translators(options)
    found, expected = actions[translation.GREEDY](), actions[translation.PEER]()
    for one, other in zip(found[:, : expected.shape[1]], expected, strict=True):
        # The search stops at the end of the sentence.
        length = np.flatnonzero(other == 1)[0] + 1 if (other == 1).any() else len(other)
        np.testing.assert_array_equal(one[:length], other[:length])
