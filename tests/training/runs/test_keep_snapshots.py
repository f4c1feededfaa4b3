"""Which steps a run keeps, when, and what is in them, however it is interrupted."""

import pathlib

import keras
import numpy as np
import pytest

from state_of_sparsity import atomic_write
from state_of_sparsity.training.devices.strategies import Strategy
from state_of_sparsity.training.runs import keep_snapshots, snapshot
from state_of_sparsity.training.runs.run_dir import RunDir
from state_of_sparsity.training.train import train
from tests.training.experiments import EVAL_EVERY, STEPS, small_experiment, trained

KEPT = (1, 4, 5)
CHANGES = {"kept_steps": KEPT, "averaged_checkpoints": 2}
# What a run is killed at, in the order in which it writes them.
ENDS = (
    "snapshots/step_00000000.npz",
    "checkpoints/step_00000004.npz",
    "snapshots/step_00000005.npz",
    "run/result.json",
)


class Killed(BaseException):
    """Ends a run as SIGKILL would: nothing catches it."""


class Watch(keras.callbacks.Callback):
    """Keeps the weights after every step, as users see them."""

    seen: dict[int, list[np.ndarray]]

    def on_train_begin(self, logs=None):
        self.seen = {}

    def on_train_batch_end(self, batch, logs=None):
        step = self.params["steps"] * self.epoch + batch + 1
        self.seen[step] = [np.array(v) for v in self.model.get_weights()]

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch


def read_all(run_dir):
    return {step: snapshot.read(run_dir.snapshot(step)) for step in run_dir.snapshot_steps()}


def assert_same(some, others):
    assert some.keys() == others.keys()
    for step, one in some.items():
        other = others[step]
        assert (one.step, one.kernels) == (other.step, other.kernels) and one.step == step
        for part in ("weights", "masks", "values", "technique", "optimizer"):
            arrays, theirs = getattr(one, part), getattr(other, part)
            assert list(arrays) == list(theirs)
            for name, array in arrays.items():
                assert array.tobytes() == theirs[name].tobytes(), (step, part, name)


@pytest.fixture(scope="module")
def pruning(tmp_path_factory):
    """Returns the directory of a run that kept some steps, the weights of each, those it took."""
    watch, taken, take = Watch(), [], snapshot.take

    def note(model, step, *rest):
        taken.append(step)
        return take(model, step, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keep_snapshots.snapshot, "take", note)
        path = tmp_path_factory.mktemp("pruning")
        run_dir = trained(path, "magnitude_pruning", callbacks=[watch], **CHANGES)
    return run_dir, watch.seen, taken


def test_a_run_keeps_its_first_and_last_step_and_those_asked_for(pruning):
    run_dir, seen, taken = pruning
    # No more are taken than are kept: steps in between cost nothing.
    assert taken == run_dir.snapshot_steps() == [0, *KEPT, STEPS]
    kept = read_all(run_dir)
    for path, array in snapshot.take(small_experiment().build(), 0).weights.items():
        np.testing.assert_array_equal(kept[0].weights[path], array)
    for step in (*KEPT, STEPS):
        # Masks have followed their schedule by then; the last are the last ones, and no mean.
        arrays = (*kept[step].weights.values(), *kept[step].masks.values())
        assert len(arrays) == len(seen[step])
        assert {array.tobytes() for array in arrays} == {array.tobytes() for array in seen[step]}
        assert not kept[step].optimizer
    assert np.mean(kept[STEPS].masks["hidden/kernel"]) == pytest.approx(0.2, abs=0.01)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """Returns what a run kept of float16 steps, two in an execution, that a callback stopped."""

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    def optimizer():
        # The loss is scaled beyond what float16 holds, so that the first steps change nothing.
        adam = keras.optimizers.Adam(0.01)
        return keras.optimizers.LossScaleOptimizer(adam, initial_scale=2.0**32)

    changes = {"precision": "mixed_float16", "steps_per_execution": 2, "optimizer": optimizer}
    changes |= {"kept_optimizer": True, "kept_steps": (0, 2)}
    path = tmp_path_factory.mktemp("stopped")
    run_dir = trained(path, callbacks=[Stop()], **changes)
    assert run_dir.read_result()["steps"] == 4
    return read_all(run_dir)


def test_a_run_that_a_callback_stops_keeps_where_it_stopped(stopped):
    assert list(stopped) == [0, 2, 4]


def test_steps_that_the_loss_scaler_skips_are_counted(stopped):
    for path, array in stopped[0].weights.items():
        np.testing.assert_array_equal(stopped[4].weights[path], array)
    scales = [float(np.log2(stopped[step].optimizer["dynamic_scale"])) for step in (0, 2, 4)]
    assert scales == [32, 30, 28]


def test_the_optimizer_is_kept_by_names_without_its_own(stopped):
    for kept in stopped.values():
        assert kept.optimizer.keys() == stopped[0].optimizer.keys()
    # Counters and rates of the scaler and of what it wraps, its scale, and two moments a variable.
    moments = {name: array for name, array in kept.optimizer.items() if array.ndim}
    assert len(moments) == 8 and len(kept.optimizer) == 14
    assert {"iteration", "iteration_2", "dynamic_scale"} <= kept.optimizer.keys()
    shapes = {name: a.shape for name, a in moments.items() if "hidden_kernel" in name}
    assert list(shapes.values()) == [(64, 16), (64, 16)]
    assert [name.rpartition("_")[2] for name in shapes] == ["momentum", "velocity"]


@pytest.mark.slow  # rounds are killed at such moments too, in the suite
def test_a_run_killed_while_it_writes_has_the_same_snapshots(pruning, tmp_path, monkeypatch):
    replace, died = atomic_write.os.replace, []

    def die_once(source, target):
        name = "/".join(pathlib.Path(target).parts[-2:])
        if any(name.endswith(end) for end in ENDS) and name not in died:
            died.append(name)
            raise Killed
        replace(source, target)

    monkeypatch.setattr(atomic_write.os, "replace", die_once)
    for _ in ENDS:
        with pytest.raises(Killed):
            trained(tmp_path / "run", "magnitude_pruning", callbacks=[Watch()], **CHANGES)
    run_dir = trained(tmp_path / "run", "magnitude_pruning", callbacks=[Watch()], **CHANGES)
    assert died == list(ENDS)
    assert_same(read_all(run_dir), read_all(pruning[0]))
    assert not list(run_dir.path.rglob(".tmp-*"))


def test_a_first_step_that_fails_leaves_nothing_behind(tmp_path):
    class Fail(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise Killed

    with pytest.raises(Killed):
        trained(tmp_path / "run", callbacks=[Fail()], kept_steps=(1,))
    assert not (tmp_path / "run").exists()


def test_only_the_chief_writes(tmp_path):
    class Worker(Strategy):
        is_chief = False

    experiment = small_experiment(kept_steps=(1,), steps=EVAL_EVERY)
    run_dir = RunDir(tmp_path / "run")
    train(experiment, experiment.build(Worker()), run_dir, Worker(), verbose=False)
    assert not run_dir.path.exists()
