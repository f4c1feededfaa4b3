"""A clock that is wrong by decades loses no run."""

import json
import time
import zipfile

import keras
import numpy as np
import pytest

from state_of_sparsity import zip_years
from state_of_sparsity.training.runs.run_dir import RunDir
from state_of_sparsity.training.train import train
from tests.slow_variants import slow_but
from tests.training.experiments import small_experiment

YEARS = {1970: 1980, 1979: 1980, 1980: 1980, 2107: 2107, 2108: 2107, 2200: 2107}


@pytest.fixture(params=[*YEARS])
def year(request, monkeypatch):
    """Sets the clock to the middle of a year; what it says is the year that archives get."""
    moment = (request.param - 1970 + 0.5) * 365.2425 * 86400
    real = time.localtime
    monkeypatch.setattr(time, "time", lambda: moment)
    monkeypatch.setattr(time, "time_ns", lambda: int(moment * 1e9))
    monkeypatch.setattr(
        time, "localtime", lambda seconds=None: real(moment if seconds is None else seconds)
    )
    return request.param


def test_archives_are_dated_within_their_years_and_the_clock_is_left_alone(year, tmp_path):
    old = tmp_path / "old"
    old.write_text("x")
    with zip_years.any_year():
        assert time.localtime().tm_year == year
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.writestr("text", "x")
            archive.write(old, "file")
            with archive.open("opened", "w") as file:
                file.write(b"x")
        np.savez(tmp_path / "a.npz", a=np.zeros(2))
    assert zipfile.time is time
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        years = {info.filename: info.date_time[0] for info in archive.infolist()}
    # What is opened to be written gets the time in later versions of Python.
    assert years["text"] == YEARS[year] and years["opened"] in (1980, YEARS[year])
    assert np.load(tmp_path / "a.npz")["a"].tolist() == [0, 0]


def test_zipfile_itself_refuses_other_years(tmp_path, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 0.0)
    archive = zipfile.ZipFile(tmp_path / "a.zip", "w")
    with archive, pytest.raises(ValueError, match="before 1980"):
        archive.writestr("text", "x")


@pytest.mark.parametrize("year", slow_but([1970, 2200], [1970, 1979, 2108, 2200]), indirect=True)
def test_a_run_ends_in_any_year(year, tmp_path):
    experiment = small_experiment("magnitude_pruning")
    run_dir = RunDir(tmp_path / "run")
    run_dir.start("")
    train(experiment, experiment.build(), run_dir, verbose=False)
    assert run_dir.is_finished
    assert zipfile.is_zipfile(sorted(run_dir.checkpoints.glob("*.npz"))[-1])
    assert keras.saving.load_model(run_dir.model).count_params()
    lines = [json.loads(line) for line in run_dir.progress.read_text().splitlines()]
    elapsed = [line["elapsed_s"] for line in lines]
    assert elapsed == sorted(elapsed) and elapsed[-1] < 600
    result = json.loads(run_dir.result.read_text())
    assert 0 <= result["wall_time_s"] < 600
