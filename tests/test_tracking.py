"""The recipes of docs/tracking.md, with the tracker writing to a file of this machine."""

import pathlib
import re

import pytest

from state_of_sparsity.bin import train
from state_of_sparsity.training.runs.save_checkpoints import SaveCheckpoints

PAGE = pathlib.Path(__file__).parents[1] / "docs" / "tracking.md"
mlflow = pytest.importorskip("mlflow", reason="needs mlflow, 355 MB, which no extra brings")
pytest.importorskip("alembic", reason="needs mlflow's data base, which mlflow-skinny lacks")
pytestmark = pytest.mark.filterwarnings("default")  # the tracker's own

PRUNING = "quickstart/magnitude_pruning.gin"
SHORT = ["STEPS = 6", "EVAL_EVERY = 2", "STEPS_PER_EXECUTION = 1", "SPARSITY = 0.5"]
SHORT += ["BEGIN_STEP = 0", "END_STEP = 4", "FREQUENCY = 2"]
LOGGED = ("loss", "accuracy", "val_loss", "val_accuracy", "sparsity")


@pytest.fixture
def recipes(tmp_path, monkeypatch):
    """Puts the page's files into the working directory, and MLflow's data beside them."""
    without_code, with_code = re.findall(r"```gin\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    for name, text in (
        ("mlflow.gin", without_code),
        ("tracking.gin", with_code),
        ("tracking.py", code),
    ):
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    mlflow.set_tracking_uri(None)
    yield tmp_path
    mlflow.end_run()


def rows(run_dir):
    """Returns what a run directory says of each metric."""
    names, *lines = (pathlib.Path(run_dir) / "metrics.csv").read_text().splitlines()
    table = [dict(zip(names.split(","), line.split(","), strict=True)) for line in lines]
    return {name: [float(row[name]) for row in table] for name in LOGGED}


def tracked():
    """Returns what MLflow has of each metric, by the names of its runs, in the order of steps."""
    mlflow.flush_async_logging()
    client, found = mlflow.MlflowClient(), {}
    for run in mlflow.search_runs(output_format="list"):
        histories = {name: client.get_metric_history(run.info.run_id, name) for name in LOGGED}
        for each in histories.values():
            assert [point.step for point in each] == [0, 1, 2]
        found[run.info.run_name] = {
            name: [point.value for point in each] for name, each in histories.items()
        }
    return found


def test_a_run_without_code(recipes, monkeypatch):
    train.run([PRUNING], SHORT, "untracked", verbose=False)
    monkeypatch.setenv("MLFLOW_RUN_CONTEXT", '{"mlflow.runName": "one"}')
    train.run([PRUNING, "mlflow.gin"], SHORT, "one", verbose=False)
    assert rows("one") == rows("untracked")
    assert tracked() == {"one": rows("one")}


def test_runs_of_one_process_and_one_that_is_interrupted(recipes, monkeypatch):
    save = SaveCheckpoints.on_epoch_end

    def save_and_interrupt(self, epoch, logs=None):
        save(self, epoch, logs)
        if epoch == 1:
            raise KeyboardInterrupt

    files = [PRUNING, "tracking.gin"]
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(SaveCheckpoints, "on_epoch_end", save_and_interrupt)
        train.run(files, SHORT, "runs/one", verbose=False)
    train.run(files, [*SHORT, "SEED = 1"], "runs/two", verbose=False)
    train.run(files, SHORT, "runs/one", verbose=False)
    assert tracked() == {name: rows(name) for name in ("runs/one", "runs/two")}
