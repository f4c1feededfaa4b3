import json

import pytest

from state_of_sparsity.analysis import results, run_table

REPORT = (
    "path,technique,shape,size,nonzero,sparsity,inputs_left,outputs_left\n"
    "hidden_1/kernel,MagnitudePruning,4x3,12,5,0.58,3,2\n"
    "odd/kernel,dense,2x2x2,8,8,0.0,,\n"
)


def a_run(folder, **result):
    folder.mkdir(parents=True)
    result = {"technique": "dense", "sparsity": 0.0, "accuracy": 0.5, **result}
    (folder / "result.json").write_text(json.dumps(result))
    (folder / "report.csv").write_text(REPORT)
    return results.read_run(folder)


def test_a_run_comes_back_as_it_was_written(tmp_path):
    run = a_run(tmp_path / "run", seed=3, commit="abc", target_sparsity=None)
    table = tmp_path / "runs.csv"
    run_table.add(table, [run_table.row(run, "dense/seed_3")])
    (row,) = run_table.read(table)
    kernels = row.pop("kernels")
    assert row == {"run": "dense/seed_3", **run.result}
    assert kernels == [
        {"path": "hidden_1/kernel", "nonzero": 5, "size": 12, "inputs_left": 3, "outputs_left": 2},
        {
            "path": "odd/kernel",
            "nonzero": 8,
            "size": 8,
            "inputs_left": None,
            "outputs_left": None,
        },
    ]


def test_lines_are_added_sorted_and_replaced_and_others_are_kept(tmp_path):
    table = tmp_path / "new" / "runs.csv"
    first, second = a_run(tmp_path / "a", accuracy=0.1), a_run(tmp_path / "b", extra=1)
    run_table.add(table, [run_table.row(second, "b")])
    run_table.add(table, [run_table.row(first, "a")])
    before = table.read_text()
    run_table.add(table, [run_table.row(first, "a")])
    assert table.read_text() == before
    run_table.add(table, [{**run_table.row(first, "a"), "accuracy": 0.9}])
    rows = run_table.read(table)
    assert [(row["run"], row["accuracy"], row["extra"]) for row in rows] == [
        ("a", 0.9, None),
        ("b", 0.5, 1),
    ]


def test_what_is_no_table_of_runs_is_refused(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("step,loss\n1,0.5\n")
    with pytest.raises(ValueError, match=r"`path` must be a table of runs.*metrics\.csv.*--table"):
        run_table.read(path)
