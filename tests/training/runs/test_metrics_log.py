import csv

import keras
import pytest

from state_of_sparsity.json_files import DamagedFileError
from state_of_sparsity.training.runs.metrics_log import MetricsLog
from state_of_sparsity.training.runs.run_dir import RunDir
from tests.optimizers.test_learning_rate import WRAPPED


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
    assert run_dir.read_metrics() == [
        {"step": 10, "learning_rate": 0.5, "loss": 1.0},
        {"step": 20, "learning_rate": 0.5, "loss": 0.5},
    ]
    assert [path.name[:6] for path in run_dir.tensorboard.iterdir()] == ["events"]


@pytest.mark.parametrize("wrapper", ["loss scaler", "averaging", "several"])
def test_the_learning_rate_is_that_of_the_optimizer_inside(run_dir, wrapper):
    log(run_dir, range(1), wrap=WRAPPED[wrapper])
    assert run_dir.read_metrics()[0]["learning_rate"] == 0.5


def test_resuming_drops_rows_beyond_the_checkpoint_and_ends_the_same(run_dir, tmp_path):
    log(run_dir, range(3))
    resumed = log(run_dir, range(1, 4), step=10)
    other = RunDir(tmp_path / "other")
    other.start("")
    assert resumed == log(other, range(4))


@pytest.mark.parametrize("line", ["{", "[]", '{"loss": 1.0}', '{"step": "10"}', '{"step": true}'])
def test_a_damaged_line_is_named(run_dir, line):
    log(run_dir, range(2))
    first = run_dir.metrics_jsonl.read_text().splitlines()[0]
    run_dir.metrics_jsonl.write_text(f"{first}\n{line}\n")
    with pytest.raises(DamagedFileError, match=r"metrics\.jsonl, line 2, is damaged: "):
        log(run_dir, range(2, 3), step=20)


def test_rows_that_are_missing_are_said(run_dir):
    log(run_dir, range(2))
    run_dir.metrics_jsonl.write_text("")
    with pytest.raises(DamagedFileError, match="it has no row of step 20"):
        log(run_dir, range(2, 3), step=20)
