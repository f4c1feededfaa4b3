"""A run that a callback stops between evaluations has the steps it says."""

import json

import keras
import numpy as np

from tests.training.experiments import trained


class StopAfter(keras.callbacks.Callback):
    """Stops training in the middle of an epoch, as a limit on time does."""

    def __init__(self, step):
        super().__init__()
        self.step, self.steps_taken = step, 0

    def on_train_batch_end(self, batch, logs=None):
        self.steps_taken += 1
        self.model.stop_training = self.steps_taken == self.step


def test_it_ends_at_the_next_evaluation(tmp_path):
    callback = StopAfter(3)
    run_dir = trained(tmp_path / "run", callbacks=[callback])
    result = json.loads((tmp_path / "run/result.json").read_text())
    assert result["steps"] == callback.steps_taken == 4
    rows = run_dir.read_metrics()
    assert [row["step"] for row in rows] == [2, 4]
    (name,) = [p.name for p in run_dir.checkpoints.glob("step_*4.npz")]
    with np.load(run_dir.checkpoints / name) as state:
        counted = [state[key] for key in state.files if key.endswith("iteration")]
    assert all(int(value) == 4 for value in counted)


def test_a_stop_at_an_evaluation_is_as_before(tmp_path):
    trained(tmp_path / "run", callbacks=[StopAfter(2)])
    assert json.loads((tmp_path / "run/result.json").read_text())["steps"] == 2
