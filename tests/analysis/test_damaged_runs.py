"""Damaged and tampered runs: each is listed with its file and the reason, and the others count."""

import json
import os

import pytest

from state_of_sparsity.analysis import plots, results
from state_of_sparsity.analysis.run_report import write_report
from state_of_sparsity.analysis.run_table import RunTable, row

HUGE = "1" + "0" * 5000
# What stands in place of a value of result.json, and what the reason says.
WRONG_VALUES = [
    ("sparsity", "5", r"`sparsity` must be a number in \[0, 1\]. Received: 5"),
    ("sparsity", "-1", r"`sparsity` must be a number in \[0, 1\]. Received: -1"),
    ("sparsity", '"0.9"', r"`sparsity` must be a number in \[0, 1\]. Received: '0.9'"),
    ("sparsity", "true", r"`sparsity` must be a number in \[0, 1\]. Received: True"),
    ("sparsity", "NaN", "failed: sparsity is NaN"),
    ("sparsity", "Infinity", "failed: sparsity is inf"),
    ("sparsity", "1e400", "failed: sparsity is inf"),
    ("sparsity", "null", "has no sparsity"),
    ("sparsity", HUGE, "result.json cannot be read: Exceeds the limit"),
    ("sparsity", "9" * 4000, r"`sparsity` must be a number in \[0, 1\]"),
    ("target_sparsity", "1.5", r"`target_sparsity` must be a number in \[0, 1\]"),
    ("technique", "7", "`technique` must be text of .*Received: 7"),
    ("technique", '["dense"]', r"`technique` must be text of .*Received: \['dense'\]"),
    ("technique", '" "', "`technique` must be text"),
    ("technique", r'"\ud800"', "`technique` must be text"),
    ("technique", f'"{"x" * 131_073}"', "`technique` must be text of at most 1,000 characters"),
    ("distribution", "{}", "`distribution` must be text of .*Received: {}"),
    ("accuracy", '"good"', r"`accuracy` must be a number in \[0, 1\]. Received: 'good'"),
    ("accuracy", "[0.9]", "`accuracy` must be a number"),
    ("accuracy", "null", "`accuracy` must be a number"),
    ("accuracy", "90", r"`accuracy` must be a number in \[0, 1\]. Received: 90"),
    ("accuracy", "1e400", "failed: accuracy is inf"),
    ("loss", "1e300", "`loss` must be a number"),
    ("bleu", "true", "`bleu` must be a number. Received: True"),
    ("seed", "1.5", "`seed` must be an integer of at least 0. Received: 1.5"),
    ("steps", '"many"', "`steps` must be an integer"),
    ("wall_time_s", "[]", "`wall_time_s` must be a number"),
    ("config_hash", "5", "`config_hash` must be text"),
    ("settings", "[1]", "`settings` must be an object"),
    ("settings", "[" * 100_000, "result.json cannot be read: it is nested too deeply"),
]


@pytest.fixture
def runs(make_run, monkeypatch):
    # Drawn, but not written, which takes a second.
    monkeypatch.setattr(plots, "save", lambda figure, path, dpi=150: path)
    return [make_run("magnitude_pruning", 0.9, 0.9 + seed / 100, seed) for seed in range(4)]


def check_listed(runs, reason, tmp_path):
    """Checks that the last of some runs is listed as failed, and that the others count."""
    with pytest.raises(ValueError, match=reason):
        results.read_run(runs[-1])
    told = []
    text = write_report(runs, tmp_path / "report", tell=told.append).read_text(encoding="utf-8")
    assert "# Report on 3 runs\n" in text and "Not counted: 1 run" in text
    assert "| 91.00 ± 1.00 | 90.00 to 92.00 |" in text
    assert len(told) == 1 and str(runs[-1]) in told[0] and "\n" not in told[0]
    assert text.rstrip().splitlines()[-1].startswith("| `3` | ")
    assert len(told[0]) < 500


@pytest.mark.parametrize(("key", "value", "reason"), WRONG_VALUES)
def test_a_wrong_value_fails_its_run(runs, tmp_path, key, value, reason):
    path = runs[-1] / "result.json"
    result = json.loads(path.read_text()) | {key: "@"}
    path.write_text(json.dumps(result).replace('"@"', value))
    check_listed(runs, reason, tmp_path)


@pytest.mark.parametrize("key", ["technique", "sparsity", "accuracy"])
def test_a_missing_value_fails_its_run(runs, tmp_path, key):
    path = runs[-1] / "result.json"
    path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != key}))
    if key == "accuracy":  # of itself a run may have another metric
        results.read_run(runs[-1])
        told = []
        write_report(runs, tmp_path / "report", tell=told.append)
        assert told == [f"Not counted: {runs[-1]}: result.json has no accuracy"]
    else:
        check_listed(runs, f"has no {key}", tmp_path)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"[]", "has no technique"),
        (b"7", "has no technique"),
        (b"", "result.json cannot be read"),
        (b'{"technique"', "result.json cannot be read"),
        (b'{"technique": "\xff"}', "result.json cannot be read: it is not UTF-8"),
        (b"\x00" * 100, "result.json cannot be read"),
        (b"[" * 200_000, "result.json cannot be read: it is nested too deeply"),
        (None, "result.json cannot be read: it is no file"),
    ],
)
def test_a_damaged_result_fails_its_run(runs, tmp_path, data, reason):
    replace(runs[-1] / "result.json", data)
    check_listed(runs, reason, tmp_path)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "report.csv cannot be read: it is no file"),
        (b"path,size,nonzero\nk\xff,1,1\n", "report.csv cannot be read: it is not UTF-8"),
        (b"path,size,nonzero\nk\x00,1,1\n", "report.csv cannot be read: it has NUL bytes"),
        (b"path,size,nonzero\nk,1\n", "report.csv cannot be read: row 1 has 2 cells"),
        (b"path,size,size\nk,1,1\n", "report.csv cannot be read: two columns are named 'size'"),
        (b"path,size\nk,1\n", "report.csv: row 1 must have a path"),
        (b"path,size,nonzero\nk,1,1\nk,0,0\n", "report.csv: row 2 must have a path"),
        (b"path,size,nonzero\nk,1,2\n", "report.csv: row 1"),
        (b"path,size,nonzero\nk,1,-1\n", "report.csv: row 1"),
        (b"path,size,nonzero\nk,1e400,1\n", "report.csv: row 1"),
        (b"path,size,nonzero\nk," + HUGE.encode() + b",1\n", "report.csv: row 1"),
        (b"path,size,nonzero\n,1,1\n", "report.csv: row 1"),
    ],
)
def test_a_damaged_report_fails_its_run(runs, tmp_path, data, reason):
    replace(runs[-1] / "report.csv", data)
    check_listed(runs, reason, tmp_path)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "config.gin cannot be read"),
        (b"A = '\xff'\n", "config.gin cannot be read: it is not"),
    ],
)
def test_a_damaged_configuration_of_an_older_run_fails_it(runs, tmp_path, data, reason):
    replace(runs[-1] / "config.gin", data)
    check_listed(runs, reason, tmp_path)


@pytest.mark.parametrize("name", ["result.json", "report.csv", "config.gin"])
def test_a_file_that_cannot_be_opened_fails_its_run(runs, tmp_path, name):
    path = runs[-1] / name
    path.unlink()
    path.symlink_to(path)  # root may open any other
    reason = "Too many levels" if os.name == "posix" else ""
    check_listed(runs, rf"{name} cannot be read: .*{reason}", tmp_path)


def test_a_pipe_is_not_waited_for(runs, tmp_path):
    path = runs[-1] / "result.json"
    path.unlink()
    os.mkfifo(path)
    check_listed(runs, "it is no file", tmp_path)


def test_a_report_of_other_kernels_is_left_out_of_the_plot(runs, make_run, tmp_path):
    other = make_run("random_pruning", 0.9, 0.8, 0)
    (other / "report.csv").write_text("path,size,nonzero\nalone,4,2\n")
    text = write_report([*runs, other], tmp_path / "report").read_text()
    assert "# Report on 5 runs" in text and "sparsity_by_layer.png" in text


@pytest.mark.parametrize("key", ["run", "kernels"])
@pytest.mark.parametrize("value", ["another", 7, None, []])
def test_a_result_does_not_name_its_line_of_the_table(runs, tmp_path, key, value):
    path = runs[-1] / "result.json"
    path.write_text(json.dumps({key: value, **json.loads(path.read_text())}))
    run = results.read_run(runs[-1])
    table = RunTable(tmp_path / "runs.csv")
    table.add([row(run, "mine")])
    (line,) = table.read()
    assert line["run"] == "mine" and len(line["kernels"]) == 2
    assert "# Report on 4 runs" in write_report(runs, tmp_path / "report").read_text()


STRANGE = ["a|b\n`c` <script>alert(1)</script>", "=cmd|' /C calc'!A0", "![x](y)", "$\\frac{", "**a"]


@pytest.mark.parametrize("text", STRANGE)
def test_strange_names_do_nothing_in_a_report(runs, tmp_path, text):
    path = runs[-1] / "result.json"
    keys = ("technique", "distribution", "data_set", "model", "optimizer", "config_hash", "name")
    strange = dict.fromkeys(keys, text) | {"settings": {"A": text, text: 1}}
    path.write_text(json.dumps(json.loads(path.read_text()) | strange))
    written = write_report(runs, tmp_path / "report").read_text()
    assert "# Report on 4 runs" in written
    assert "<script" not in written and "`c`" not in written and "](y)" not in written
    tables = [line for line in written.splitlines() if line.startswith("|")]
    widths = {line.count("|") for line in tables}
    headers = {line.count("|") for line in tables if set(line) <= set("| -:")}
    assert widths == headers


def test_strange_directories_do_nothing_in_a_report(runs, tmp_path):
    strange = runs[0].with_name("a|b`c<i>")
    runs[0].rename(strange)
    other = runs[1].with_name("unfinished`|")
    other.mkdir()
    text = write_report([strange, *runs[1:], other], tmp_path / "report").read_text()
    assert "a&#124;b&#96;c&#60;i&#62;" in text and "unfinished&#96;&#124;" in text


def replace(path, data):
    path.unlink()
    path.mkdir() if data is None else path.write_bytes(data)
