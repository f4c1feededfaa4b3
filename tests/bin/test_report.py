import json
import types

import pytest

from state_of_sparsity.bin import report
from state_of_sparsity.bin.report import find_runs
from state_of_sparsity.errors import UsageError


@pytest.fixture
def runs(tmp_path):
    for name, files in {"a": ["run.json", "result.json"], "b": ["run.json"], "other": []}.items():
        (tmp_path / name).mkdir()
        for file in files:
            (tmp_path / name / file).write_text("{}")
    return tmp_path


def test_finds_finished_runs_by_name_and_by_pattern(runs):
    finished, unfinished = find_runs([runs / "a"], [f"{runs}/*"])
    assert finished == [runs / "a"]
    assert unfinished == [runs / "b"]


def test_a_directory_that_is_no_run_is_refused(runs):
    with pytest.raises(UsageError, match=r"must be a run directory. Received: .*other"):
        find_runs([runs / "other"], [])


def test_nothing_finished_is_refused(runs):
    with pytest.raises(UsageError, match="match 1 runs, none finished"):
        find_runs([], [f"{runs}/b"])


def test_a_damaged_run_is_told_and_does_not_take_the_report_down(runs, capsys, monkeypatch):
    result = {"technique": "dense", "sparsity": 0.0, "accuracy": 0.9}
    (runs / "a" / "result.json").write_text(json.dumps(result))
    (runs / "b" / "result.json").write_text("[" * 100_000)
    (runs / "c").mkdir()
    (runs / "c" / "run.json").mkdir()
    given = {"run_dir": [runs / "a", runs / "b"], "runs_glob": [f"{runs}/*"]}
    given |= dict.fromkeys(("paper", "paper_csv", "scaling_law", "survey_csv"))
    flags = types.SimpleNamespace(output_dir=str(runs / "out"), **given)
    monkeypatch.setattr(report, "FLAGS", flags)
    report.main([])
    assert capsys.readouterr().out.splitlines() == [
        f"Not counted: {runs / 'b'}: result.json cannot be read: it is nested too deeply",
        f"Not counted: {runs / 'c'}: not finished: no result.json",
        f"Report: {runs / 'out' / 'report.md'}",
    ]
    (runs / "a" / "result.json").write_text("{}")
    with pytest.raises(UsageError, match=r"finished run that can be used.*a: result.json has no"):
        report.main([])
