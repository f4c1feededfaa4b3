import csv

import keras
import pytest

from state_of_sparsity.training.metrics_log import MetricsLog, read_rows
from state_of_sparsity.training.run_dir import RunDir
from tests.test_optimizers import WRAPPED


@pytest.fixture
def run_dir(tmp_path):
    run_dir = RunDir(tmp_path)
    run_dir.start("")
    return run_dir


def log(run_dir, epochs, step=0, wrap=lambda optimizer: optimizer):
    metrics_log = MetricsLog(run_dir, steps_per_epoch=10, step=step)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(wrap(keras.optimizers.SGD(0.5)), "mse")
    metrics_log.set_model(model)
    metrics_log.on_train_begin()
    for epoch in epochs:
        metrics_log.on_epoch_end(epoch, {"loss": 1.0 / (epoch + 1)})
    metrics_log.on_train_end()
    return run_dir.metrics_csv.read_text(), run_dir.metrics_jsonl.read_text()


def test_writes_csv_json_lines_and_tensorboard(run_dir):
    log(run_dir, range(2))
    with open(run_dir.metrics_csv, newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[1] == {"step": "20", "learning_rate": "0.5", "loss": "0.5"}
    assert read_rows(run_dir) == [
        {"step": 10, "learning_rate": 0.5, "loss": 1.0},
        {"step": 20, "learning_rate": 0.5, "loss": 0.5},
    ]
    assert [path.name[:6] for path in run_dir.tensorboard.iterdir()] == ["events"]


@pytest.mark.parametrize("wrapper", ["loss scaler", "averaging", "several"])
def test_the_learning_rate_is_that_of_the_optimizer_inside(run_dir, wrapper):
    log(run_dir, range(1), wrap=WRAPPED[wrapper])
    assert read_rows(run_dir)[0]["learning_rate"] == 0.5


def test_resuming_drops_rows_beyond_the_checkpoint_and_ends_the_same(run_dir, tmp_path):
    log(run_dir, range(3))
    resumed = log(run_dir, range(1, 4), step=10)
    other = RunDir(tmp_path / "other")
    other.start("")
    assert resumed == log(other, range(4))
