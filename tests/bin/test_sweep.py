import json

import pytest

from state_of_sparsity.analysis.run_table import RunTable
from state_of_sparsity.bin import gin_app, grid, sweep

SHORT = "STEPS=2 EVAL_EVERY=2 STEPS_PER_EXECUTION=1"


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """Runs three cells, one of them wrong, in one worker process."""
    directory = tmp_path_factory.mktemp("sweep")
    cells = [
        *grid.cells(f"quickstart/dense.gin {SHORT} SEED=0,1"),
        *grid.cells(f"quickstart/dense.gin {SHORT} SPARSITY=0.5"),
    ]
    return (
        directory,
        cells,
        sweep.sweep(cells, directory, workers=2, table=RunTable(directory / "runs.csv")),
    )


def test_every_cell_has_its_run_and_a_wrong_one_does_not_stop_the_others(swept):
    directory, cells, failed = swept
    assert failed == 1
    results = [directory / cell.directory / "result.json" for cell in cells]
    assert [path.exists() for path in results] == [True, True, False]
    assert [json.loads(path.read_text())["seed"] for path in results[:2]] == [0, 1]
    assert len(list(directory.glob("worker_*.log"))) == 2


def test_cells_are_independent_of_what_ran_before_in_the_process(swept, tmp_path):
    directory, cells, _ = swept
    text, trained, failed = sweep.run_cell(cells[1], tmp_path, data_dir=None)
    assert trained and not failed and text.startswith("sparsity 0.0000  accuracy ")
    metrics = [path / cells[1].directory / "metrics.csv" for path in (directory, tmp_path)]
    assert metrics[0].read_text() == metrics[1].read_text()


def test_a_finished_cell_is_left_alone_and_a_wrong_one_says_why(swept):
    directory, cells, _ = swept
    assert sweep.run_cell(cells[0], directory, None) == (
        "finished before, left alone",
        False,
        False,
    )
    text, trained, failed = sweep.run_cell(cells[2], directory, None)
    assert failed and not trained
    assert text.startswith("FAILED: The macro SPARSITY is given but nothing uses it")


def test_every_finished_cell_is_a_line_of_the_table(swept):
    directory, cells, _ = swept
    rows = RunTable(directory / "runs.csv").read()
    assert [row["run"] for row in rows] == [cell.directory for cell in cells[:2]]
    for row in rows:
        result = json.loads((directory / row["run"] / "result.json").read_text())
        assert (row["seed"], row["commit"]) == (result["seed"], result["commit"])
        assert row["accuracy"] == pytest.approx(result["accuracy"])
        assert sum(kernel["nonzero"] for kernel in row["kernels"]) == result["nonzero"]


def test_logs_that_another_sweep_removes_first_do_not_stop_one(swept, monkeypatch):
    directory, cells, _ = swept
    gone = directory / "worker_0.log"
    monkeypatch.setattr(type(directory), "glob", lambda path, pattern: iter([gone]))
    assert sweep.sweep(cells[:1], directory, workers=1) == 0


def test_cells_are_chosen_by_the_directory_they_run_in():
    cells = [*grid.cells("lenet/dense/lenet_5.gin SEED=0,1"), *grid.cells("a/dense_2.gin SEED=0")]
    assert sweep.chosen(cells, []) == cells
    assert sweep.chosen(cells, ["dense/lenet_5"]) == cells[:2]
    assert sweep.chosen(cells, ["dense"]) == cells[:2]  # not dense_2
    assert sweep.chosen(cells, ["dense/lenet_5/seed"]) == cells[:2]
    assert sweep.chosen(cells, ["dense/lenet_5/seed_1", "dense_2/"]) == cells[1:]
    with pytest.raises(gin_app.UsageError, match=r"`only` must name runs.*'len'. There are dense/"):
        sweep.chosen(cells, ["dense", "len"])
    with pytest.raises(gin_app.UsageError, match=r"There are dense/lenet_5/seed_0, dense/lenet_5"):
        sweep.chosen(cells, ["dense/lenet_5/seed_2"])


def test_how_far_a_run_is(tmp_path):
    assert sweep._progress(tmp_path) is None
    path = tmp_path / "progress.jsonl"
    path.write_text('{"elapsed_s": 1.0, "phase": "training"}\n')
    assert sweep._progress(tmp_path) is None
    path.write_text('{"step": 1500, "steps": 3000, "eta_s": 12.3}\n')
    assert sweep._progress(tmp_path).endswith("  step 1,500 of 3,000  ETA 12 s")
