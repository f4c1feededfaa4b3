"""A run directory holds nothing before the first step of its run."""

import keras
import pytest

from state_of_sparsity.training.runs.run_dir import RunDir
from state_of_sparsity.training.train import train
from tests.training.experiments import small_experiment


class Look(keras.callbacks.Callback):
    """Keeps what a directory holds at the begin of steps; may fail in one."""

    def __init__(self, path, fail_in=None):
        super().__init__()
        self.path, self.fail_in, self.step = path, fail_in, 0
        self.seen = {}  # of what checkpoints do not bring back

    def on_train_batch_begin(self, batch, logs=None):
        self.seen[len(self.seen)] = {path.name for path in self.path.iterdir()}
        self.step += 1
        if self.step == self.fail_in:
            raise ZeroDivisionError


class Kept:
    """A data set that says when it is kept."""

    def __init__(self, data, run_dir):
        self.data, self.run_dir, self.kept = data, run_dir, []

    def __getattr__(self, name):
        return getattr(self.data, name)

    def keep(self):
        self.kept.append(self.run_dir.is_started)


def run(path, fail_in=None):
    run_dir = RunDir(path)
    look = Look(path, fail_in)
    data = Kept(small_experiment().data, run_dir)
    with run_dir.lock():
        experiment = small_experiment(callbacks=[look], data=data)
        model = experiment.build()
        train(experiment, model, run_dir, verbose=False, start=lambda: run_dir.start("x"))
    return look.seen, data.kept


def test_a_run_is_started_by_its_first_step(tmp_path):
    seen, kept = run(tmp_path / "run")
    assert seen[0] == {"lock"}
    assert {"run.json", "metrics.csv", "progress.jsonl", "checkpoints"} <= seen[1]
    assert kept == [True]
    lines = (tmp_path / "run" / "progress.jsonl").read_text().splitlines()
    assert '"starting at step 0' in lines[0] and "compiling" in lines[1]  # which waited


def test_what_fails_in_the_first_step_leaves_nothing_and_later_all(tmp_path):
    with pytest.raises(ZeroDivisionError):
        run(tmp_path / "new" / "run", fail_in=1)
    assert not (tmp_path / "new").exists()
    with pytest.raises(ZeroDivisionError):
        run(tmp_path / "new" / "run", fail_in=4)
    assert RunDir(tmp_path / "new" / "run").is_started
    seen, kept = run(tmp_path / "new" / "run")
    assert {"run.json", "metrics.csv", "progress.jsonl"} <= seen[0]  # it goes on at once
    assert kept == [True]


def test_a_strangers_file_keeps_the_directory(tmp_path):
    path = tmp_path / "run"

    def put_and_fail():
        with RunDir(path).lock():
            (path / "mine.txt").write_text("mine")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        put_and_fail()
    assert [found.name for found in path.iterdir()] == ["mine.txt"]
