import pytest

from state_of_sparsity.bin.gin_app import UsageError
from state_of_sparsity.bin.report import find_runs


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
