"""Two worker processes on this machine: as one process, and after a kill as without it."""

import json
import multiprocessing
import os
import signal
import socket

import keras
import numpy as np
import pytest
import tensorflow as tf

from state_of_sparsity.training.devices import strategy_choice
from state_of_sparsity.training.devices.strategy_error import StrategyError
from state_of_sparsity.training.runs.run_dir import RunDir
from state_of_sparsity.training.train import train
from tests.training.experiments import STEPS, TECHNIQUES, small_experiment
from tests.training.test_resume import KillInStep, assert_same

RULES = [
    ("hidden_1", TECHNIQUES["magnitude_pruning"]),
    ("hidden_2", TECHNIQUES["rigl"]),
    ("logits", TECHNIQUES["l0_regularization"]),
]


def network():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Flatten(name="flatten"),
            keras.layers.BatchNormalization(synchronized=True, name="normalization"),
            keras.layers.Dense(16, activation="relu", name="hidden_1"),
            keras.layers.Dense(16, activation="relu", name="hidden_2"),
            keras.layers.Dense(10, name="logits"),
        ],
        name="network",
    )


class Record(keras.callbacks.Callback):
    """Writes down what this worker knows at every step and at the end."""

    def __init__(self, path):
        super().__init__()
        self.path, self.losses = path, []

    def on_train_batch_end(self, batch, logs=None):
        self.losses.append(float(logs["loss"]))

    def on_train_end(self, logs=None):
        values = [keras.ops.convert_to_numpy(v) for v in self.model.variables]
        np.savez(self.path, *values, losses=self.losses)


def run_worker(path, addresses, index, kill_in_step=None):
    """Trains as one of several workers, or alone; in a new process."""
    if addresses:
        task = {"type": "worker", "index": index}
        os.environ["TF_CONFIG"] = json.dumps({"cluster": {"worker": addresses}, "task": task})
    strategy = strategy_choice.choose()
    assert strategy.name == ("multi_worker" if addresses else "one_device")
    callbacks = [Record(path.parent / f"{path.name}_worker_{index}.npz")]
    callbacks += [KillInStep(kill_in_step)] if kill_in_step else []
    experiment = small_experiment("dense", model=network, rules=RULES, callbacks=callbacks)
    model = experiment.build(strategy)
    run_dir = RunDir(path)
    if strategy.is_chief:
        run_dir.start("")
    strategy.check_agreement(configuration=0)
    if addresses:
        with pytest.raises(StrategyError, match=r"`step` must be .*from 0 to 1"):
            strategy.check_agreement(step=index)
        assert tf.errors.UnavailableError in strategy.peer_errors
    train(experiment, model, run_dir, strategy, verbose=False)


@pytest.fixture(scope="module")
def processes():
    """Starts new processes from one that has imported Keras and not used it."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.training.devices.test_multi_worker"])
    return context


def run(processes, path, workers, kill_in_step=None):
    """Runs a job, whose second worker may die; returns the exit codes."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(workers)]
    addresses = [f"127.0.0.1:{s.getsockname()[1]}" for s in sockets]
    for s in sockets:
        s.close()
    job = []
    for index in range(max(1, workers)):
        kill = kill_in_step if index else None
        job.append(processes.Process(target=run_worker, args=(path, addresses, index, kill)))
        job[-1].start()
    if kill_in_step:
        job[1].join(120)
        job[0].kill()
    for process in job:
        process.join(120)
    return [process.exitcode for process in job]


@pytest.fixture(scope="module")
def two_workers(processes, tmp_path_factory):
    """Returns the directory of an uninterrupted run of two workers."""
    path = tmp_path_factory.mktemp("two") / "run"
    assert run(processes, path, workers=2) == [0, 0]
    return path


def recorded(path, worker):
    with np.load(path.parent / f"{path.name}_worker_{worker}.npz") as file:
        return {name: file[name] for name in file.files}


def test_two_workers_are_equal_and_as_one_process(processes, two_workers, tmp_path):
    first, second = recorded(two_workers, 0), recorded(two_workers, 1)
    assert first.keys() == second.keys() and len(first["losses"]) == STEPS
    for name, value in first.items():
        np.testing.assert_array_equal(second[name], value)
    assert run(processes, tmp_path / "one", workers=0) == [0]
    for name, value in recorded(tmp_path / "one", 0).items():
        if value.dtype == bool:
            np.testing.assert_array_equal(first[name], value)
        np.testing.assert_allclose(first[name], value, rtol=1e-5, atol=1e-6)
    paths = two_workers, tmp_path / "one"
    rows = [RunDir(path).metrics_jsonl.read_text().splitlines() for path in paths]
    assert len(rows[0]) == 3
    for two, one in zip(*rows, strict=True):
        assert json.loads(two) == pytest.approx(json.loads(one), rel=1e-5)


@pytest.mark.slow
def test_a_worker_killed_and_the_job_started_again(processes, two_workers, tmp_path):
    killed = tmp_path / "killed"
    assert run(processes, killed, 2, kill_in_step=3) == [-signal.SIGKILL, -signal.SIGKILL]
    assert not RunDir(killed).is_finished
    assert [p.name for p in RunDir(killed).checkpoints.iterdir()] == ["step_00000002.npz"]
    assert run(processes, killed, workers=2) == [0, 0]
    assert_same(killed, two_workers)
