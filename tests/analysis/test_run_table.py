import csv
import json
import re
import subprocess
import sys

import pytest

from state_of_sparsity.analysis import results
from state_of_sparsity.analysis.run_table import RunTable, row

REPORT = (
    "path,technique,shape,size,nonzero,sparsity,inputs_left,outputs_left\n"
    "hidden 1:a/kernel,MagnitudePruning,4x3,12,5,0.58,3,2\n"
    "odd/kernel,dense,2x2x2,8,8,0.0,,\n"
)


def a_run(folder, **result):
    folder.mkdir(parents=True)
    result = {"technique": "dense", "sparsity": 0.0, "accuracy": 0.5, **result}
    (folder / "result.json").write_text(json.dumps(result))
    (folder / "report.csv").write_text(REPORT)
    return results.read_run(folder)


def test_a_run_comes_back_as_it_was_written(tmp_path):
    # Hexadecimal digits that would be a number.
    result = {"seed": 3, "commit": "000123456789", "config_hash": "1e1000000000"}
    run = a_run(tmp_path / "run", target_sparsity=None, **result)
    table = RunTable(tmp_path / "runs.csv")
    table.add([row(run, "dense/seed_3")])
    (line,) = table.read()
    kernels = line.pop("kernels")
    assert line == {"run": "dense/seed_3", **run.result}
    assert [list(kernel.values()) for kernel in kernels] == [
        ["hidden 1:a/kernel", 5, 12, 3, 2],
        ["odd/kernel", 8, 8, None, None],
    ]
    assert list(kernels[0]) == ["path", "nonzero", "size", "inputs_left", "outputs_left"]


def test_reports_of_older_versions_have_no_units(tmp_path):
    run = a_run(tmp_path / "run")
    (run.path / "report.csv").write_text("path,size,nonzero\nkernel,12,5\n")
    table = RunTable(tmp_path / "runs.csv")
    table.add([row(run, "old")])
    assert table.read()[0]["kernels"][0]["inputs_left"] is None


def test_lines_are_added_sorted_and_replaced_and_others_are_kept(tmp_path):
    table = RunTable(tmp_path / "new" / "runs.csv")
    assert table.read() == []
    first, second = a_run(tmp_path / "a", accuracy=0.1), a_run(tmp_path / "b", extra=1)
    table.add([row(second, "b")])
    table.add([row(first, "a")])
    before = table.path.read_text()
    table.add([row(first, "a")])
    assert table.path.read_text() == before
    table.add([{**row(first, "a"), "accuracy": 0.9}])
    lines = [(line["run"], line["accuracy"], line["extra"]) for line in table.read()]
    assert lines == [("a", 0.9, None), ("b", 0.5, 1)]


@pytest.mark.parametrize("text", ["step,loss\n1,0.5\n", "run,loss\na,1,2\n", "run,loss\na\n"])
def test_what_is_no_table_of_runs_is_refused(text, tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"table must be one that bin/sweep.*metrics\.csv\. Name"):
        RunTable(path)
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "it is no file"),
        (b"run,kernels\na,[]\na,[]\n", "it has 'a' twice"),
        (b"run,run,kernels\na,b,[]\n", "two columns are named 'run'"),
        (b"run,loss\na,1\n", "no column 'kernels'"),
        (b"loss,kernels\n1,[]\n", "no column 'run'"),
        (b"A line of text.\n", "no column 'run'"),
        (b"run,kernels\n,[]\n", "a run without a name"),
        (b"run,kernels\na\x00,[]\n", "it has NUL bytes"),
        (b"run,kernels\n\xff,[]\n", "it is not UTF-8"),
        (b'run,kernels\na,"[[1]]"\n', "`kernels` or `settings` of 'a' are damaged"),
        (b"run,kernels\na,{\n", "`kernels` or `settings` of 'a' are damaged"),
        (b"run,kernels\na,7\n", "`kernels` or `settings` of 'a' are damaged"),
        (b"run,kernels\na," + b"[" * 200_000 + b"\n", "`kernels` or `settings` of 'a' are damaged"),
        (b"run,settings,kernels\na,[],[]\n", "`kernels` or `settings` of 'a' are damaged"),
        (b'run,kernels\n"a', "row 1 has 1 cells"),
        (b'run,kernels\na,"[[""k"", 3, 2, 1, 1]]"\n', "`kernels` or `settings` of 'a'"),
        (b"run,sparsity,kernels\na,5,[]\n", "`sparsity` must be a number in [0, 1]. Received: 5"),
        (b"run,sparsity,kernels\na,nan,[]\n", "`sparsity` must be a number in [0, 1]"),
        (b"run,seed,kernels\na,one,[]\n", "`seed` must be an integer of at least 0"),
        (b"run,steps,kernels\na," + b"9" * 5000 + b",[]\n", "`steps` must be an integer"),
    ],
)
def test_a_damaged_table_is_refused_in_a_line_with_its_name(data, reason, tmp_path):
    path = tmp_path / "runs.csv"
    path.mkdir() if data is None else path.write_bytes(data)
    with pytest.raises(ValueError, match=re.escape(reason)) as raised:
        RunTable(path)
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)
    assert data is None or path.read_bytes() == data


def test_a_table_that_a_spreadsheet_saved_is_read(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_bytes(b"\xef\xbb\xbfrun,note,kernels\r\na,mine,[]\r\n\r\n")
    assert RunTable(path).read() == [{"run": "a", "note": "mine", "kernels": []}]


def test_a_cell_of_a_large_model_is_read(tmp_path):
    path = tmp_path / "runs.csv"
    kernels = [[f"layer_{i}/kernel", 1, 2, 3, 4] for i in range(10_000)]
    limit = csv.field_size_limit()
    RunTable(path).add([{"run": "large", "kernels": json.dumps(kernels), "note": "x" * 131_073}])
    (line,) = RunTable(path).read()
    assert len(line["kernels"]) == 10_000 and len(line["note"]) == 131_073
    assert csv.field_size_limit() == limit  # is the whole process's


FORMULAS = ["=cmd|' /C calc'!A0", "+1+cmd", "-x", "@SUM(A1)", "\t=1", "\r=1", "'=1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_is_a_formula_to_a_spreadsheet(text, tmp_path):
    run = a_run(tmp_path / "run", name=text, difference=-0.5, **{f"{text}_figure": 1.0})
    table = RunTable(tmp_path / "runs.csv")
    for _ in range(2):  # what is read and written again stays as it is
        table.add([row(run, text)])
        table.add([row(run, "other")])
        (line, other) = sorted(table.read(), key=lambda line: line["run"] == "other")
        assert line["run"] == line["name"] == text and other["difference"] == -0.5
        assert line[f"{text}_figure"] == 1.0
        with open(table.path, newline="") as file:
            cells = [cell for cells in csv.reader(file) for cell in cells]
        assert not any(c[0] in "=+-@\t\r" for c in cells if c and c != "-0.5")


def test_settings_come_back_as_data(tmp_path):
    settings = {"STEPS": 5, "x": [1, {"y": None}], "z": "@a.B"}
    run = a_run(tmp_path / "run", settings=settings)
    table = RunTable(tmp_path / "runs.csv")
    table.add([row(run, "a")])
    assert table.read()[0]["settings"] == settings


ADD = """
import sys
from state_of_sparsity.analysis.run_table import RunTable
for number in range(20):
    RunTable(sys.argv[1]).add([{"run": f"{sys.argv[2]}_{number}", "kernels": "[]"}])
"""


def test_several_processes_add_to_one_table(tmp_path):
    path = tmp_path / "runs.csv"
    commands = [[sys.executable, "-c", ADD, str(path), name] for name in "ab"]
    for process in [subprocess.Popen(command) for command in commands]:
        assert process.wait() == 0
    assert len(RunTable(path).read()) == 40


def test_runs_that_began_from_others_stand_beside_those_of_older_versions(tmp_path):
    table = RunTable(tmp_path / "runs.csv")
    table.add([row(a_run(tmp_path / "old"), "dense/seed_0")])
    assert "start" not in table.read()[0]
    table.add([row(a_run(tmp_path / "new", start="lottery_ticket"), "ticket/seed_0")])
    assert [line["start"] for line in table.read()] == [None, "lottery_ticket"]


@pytest.mark.parametrize("name", ["config_hash", "seed"])
def test_another_run_of_the_same_name_is_not_lost(tmp_path, name):
    table = RunTable(tmp_path / "runs.csv")
    first = {"config_hash": "1e1000000000", "seed": 0}
    table.add([row(a_run(tmp_path / "first", **first), "dense/seed_0")])
    table.add([row(a_run(tmp_path / "again", **first, loss=1.0), "dense/seed_0")])
    other = a_run(tmp_path / "other", **{**first, name: "3" if name == "config_hash" else 3})
    with pytest.raises(ValueError, match=rf"'dense/seed_0' with the {name} .*, not 3, which is an"):
        table.add([row(other, "dense/seed_0")])
    assert table.read()[0]["loss"] == 1.0 and table.read()[0]["seed"] == 0
