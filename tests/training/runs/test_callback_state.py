"""What of a callback's state is saved, and that a run goes on with it."""

import functools
import json

import keras
import numpy as np
import pytest

from state_of_sparsity.training.runs import callback_state
from state_of_sparsity.training.runs.run_dir import RunDir
from state_of_sparsity.training.train import train
from tests.training.experiments import small_experiment


def test_numbers_and_text_and_lists_of_them():
    callback = keras.callbacks.EarlyStopping(patience=3)
    callback.best = np.float32(0.5)
    callback.history = [1, 2.5, "three", None, [True]]
    callback.weights = [np.zeros(3)]
    state = json.loads(json.dumps(callback_state.read(callback)))
    assert state["best"] == 0.5 and state["wait"] == 0
    assert state["history"] == [1, 2.5, "three", None, [True]]
    assert not {"patience", "weights", "params", "model", "_model"} & state.keys()
    other = keras.callbacks.EarlyStopping(patience=4)
    callback_state.write(other, state)
    assert (other.patience, other.best, other.history) == (4, 0.5, callback.history)


class Cached(keras.callbacks.Callback):
    @functools.cached_property
    def found(self):
        return 5


def test_what_is_read_can_be_written():
    callback = Cached()
    assert callback.found == 5  # an attribute from now on
    callback_state.write(Cached(), callback_state.read(callback))


class Interrupt(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt


def rates(path, *callbacks):
    """Trains 4 epochs, halving the learning rate after every second one without improvement."""
    plateau = keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=2, min_delta=100)
    experiment = small_experiment(callbacks=[plateau, *callbacks], steps=8)
    run_dir = RunDir(path)
    run_dir.start("")
    try:
        train(experiment, experiment.build(), run_dir, verbose=False)
    except KeyboardInterrupt:
        return None
    rows = run_dir.metrics_jsonl.read_text().splitlines()
    return [json.loads(row)["learning_rate"] for row in rows]


@pytest.mark.slow
def test_a_plateau_that_an_interruption_does_not_forget(tmp_path):
    expected = rates(tmp_path / "at_once")
    assert np.allclose(expected, [0.01, 0.01, 0.01, 0.005])
    assert rates(tmp_path / "interrupted", Interrupt()) is None
    assert rates(tmp_path / "interrupted") == expected


def run_until_stopped(path):
    """Trains up to 4 epochs, and stops after the second for want of improvement."""
    stop = keras.callbacks.EarlyStopping("loss", patience=1, min_delta=100)
    experiment = small_experiment(callbacks=[stop], steps=8)
    run_dir = RunDir(path)
    run_dir.start("")
    return train(experiment, experiment.build(), run_dir, verbose=False)


def interrupt(*_):
    raise KeyboardInterrupt


def test_a_run_that_stopped_early_stays_stopped(tmp_path, monkeypatch):
    assert run_until_stopped(tmp_path / "at_once")["steps"] == 4
    with monkeypatch.context() as patch:  # interrupted after the last epoch, before the result
        patch.setattr("state_of_sparsity.training.outcome.write", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run_until_stopped(tmp_path / "interrupted")
    assert run_until_stopped(tmp_path / "interrupted")["steps"] == 4
    rows = [RunDir(tmp_path / name).metrics_csv.read_text() for name in ("at_once", "interrupted")]
    assert rows[0] == rows[1]


def test_old_weights_are_not_brought_back():
    stop = keras.callbacks.EarlyStopping(restore_best_weights=True)
    with pytest.raises(ValueError, match="`callbacks` must not have `restore_best_weights=True`"):
        small_experiment(callbacks=[stop])


class Counts(keras.callbacks.Callback):
    """Its number begins as its class's, and another one is there from the first epoch on."""

    epochs = 0

    def on_epoch_end(self, epoch, logs=None):
        self.epochs += 1
        self.last_loss = float(logs["loss"])


def test_what_a_class_begins_with_and_what_is_not_there_yet_is_state():
    callback = Counts()
    callback.on_epoch_end(0, {"loss": 2.5})
    other = Counts()
    callback_state.write(other, callback_state.read(callback))
    assert (other.epochs, other.last_loss) == (1, 2.5)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("on_epoch_end", "text"),
        ("set_model", None),
        ("model", 1),
        ("_model", 1),
        ("params", 1),
        ("__class__", "text"),
        ("patience", 1),
        ("best", {"class_name": "Lambda"}),
    ],
)
def test_a_file_can_set_nothing_but_state(name, value):
    callback = keras.callbacks.EarlyStopping(patience=3)
    before = dict(vars(callback))
    message = rf"`state` must be of a EarlyStopping: .* Received: '{name}'. Remove the checkpoint"
    with pytest.raises(ValueError, match=message):
        callback_state.write(callback, {"wait": 2, name: value})
    assert vars(callback) == before
