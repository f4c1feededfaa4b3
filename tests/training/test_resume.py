"""A run killed with SIGKILL and started again ends bit for bit as an uninterrupted one."""

import functools
import json
import os
import signal
import time

import keras
import numpy as np
import pytest

from state_of_sparsity.training.runs.run_dir import RunDir
from state_of_sparsity.training.train import train
from tests.killed_processes import context, exit_code, kill_when_written
from tests.slow_variants import slow_but
from tests.training.experiments import STEPS, TECHNIQUES, small_experiment


class KillInStep(keras.callbacks.Callback):
    """SIGKILL in the middle of an epoch."""

    def __init__(self, step):
        super().__init__()
        self._step = step

    def on_train_batch_end(self, batch, logs=None):
        if keras.ops.convert_to_numpy(self.model.optimizer.iterations) == self._step:
            os.kill(os.getpid(), signal.SIGKILL)


def run(path, technique, kill=None):
    """Trains in this process, which must be a new one, or dies in it."""
    callbacks = [KillInStep(kill)] if isinstance(kill, int) else []
    if isinstance(kill, str):
        kill_when_written(f"/{kill}")
    run_dir = RunDir(path)
    with run_dir.lock():
        experiment = small_experiment(technique, callbacks=callbacks)
        model = experiment.build()
        train(experiment, model, run_dir, verbose=False, start=lambda: run_dir.start(technique))


@pytest.fixture(scope="module")
def processes():
    return context()


def in_new_process(processes, *arguments):
    return exit_code(processes, run, *arguments)


@pytest.fixture(scope="module")
def uninterrupted(processes, tmp_path_factory):
    """Returns the directory of an uninterrupted run of a technique, trained once."""

    @functools.cache
    def directory(technique):
        path = tmp_path_factory.mktemp("uninterrupted") / technique
        assert in_new_process(processes, path, technique) == 0
        return path

    return directory


def outcome(path):
    """Returns everything a run directory holds that must not depend on interruptions."""
    run_dir = RunDir(path)
    result = json.loads(run_dir.result.read_text())
    with np.load(run_dir.checkpoints / f"step_{STEPS:08d}.npz") as file:
        arrays = {name: file[name] for name in file.files if name != "header"}
    with np.load(run_dir.checkpoints / f"step_{STEPS - 2:08d}.npz") as file:
        arrays |= {f"before/{name}": file[name] for name in file.files if name != "header"}
    texts = [p.read_text() for p in (run_dir.metrics_csv, run_dir.metrics_jsonl)]
    texts += [run_dir.report(suffix).read_text() for suffix in ("csv", "md", "txt")]
    return {key: value for key, value in result.items() if key != "wall_time_s"}, texts, arrays


def assert_same(path, reference):
    (result, texts, arrays), (result_2, texts_2, arrays_2) = outcome(path), outcome(reference)
    assert result == result_2
    assert texts == texts_2
    assert arrays.keys() == arrays_2.keys()
    for name, array in arrays.items():
        assert array.tobytes() == arrays_2[name].tobytes(), name
    assert not list(RunDir(path).path.rglob(".tmp-*"))


# Some of the others are killed elsewhere below.
@pytest.mark.parametrize("technique", slow_but(["rigl"], TECHNIQUES))
def test_killed_run_ends_as_an_uninterrupted_one(tmp_path, processes, uninterrupted, technique):
    killed = tmp_path / "killed"
    assert in_new_process(processes, killed, technique, 3) == -signal.SIGKILL
    assert not RunDir(killed).is_finished
    assert len(RunDir(killed).metrics_jsonl.read_text().splitlines()) == 1
    assert in_new_process(processes, killed, technique) == 0
    assert_same(killed, uninterrupted(technique))


@pytest.mark.parametrize(
    "names",
    slow_but(
        [],
        [("step_00000004.npz", "result.json"), ("run.json", "metrics.csv", "model.keras")],
    ),
)
def test_killed_while_saving(tmp_path, processes, uninterrupted, names):
    technique = "rigl"  # whose uninterrupted run is there
    killed = tmp_path / "killed"
    for name in names:
        assert in_new_process(processes, killed, technique, name) == -signal.SIGKILL, name
        assert not RunDir(killed).is_finished
    assert in_new_process(processes, killed, technique) == 0
    assert_same(killed, uninterrupted(technique))


@pytest.mark.slow
@pytest.mark.parametrize("wanted", [3, 20])
def test_killed_at_random_moments(tmp_path, processes, uninterrupted, wanted):
    technique = "l0_regularization"
    reference = uninterrupted(technique)
    begin = time.monotonic()
    assert in_new_process(processes, tmp_path / "timed", technique) == 0
    duration = time.monotonic() - begin
    kills = finished = 0
    for moment in np.random.default_rng(1).uniform(0.0, 1.0, size=100):
        killed = tmp_path / f"killed_{finished}"
        process = processes.Process(target=run, args=(killed, technique))
        process.start()
        process.join(moment * duration)
        process.kill()
        process.join()
        kills += process.exitcode == -signal.SIGKILL
        if process.exitcode == 0:
            assert_same(killed, reference)
            finished += 1
        if kills == wanted:
            break
    assert in_new_process(processes, killed, technique) == 0
    assert_same(killed, reference)
    assert kills == wanted
