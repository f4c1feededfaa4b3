import json
import multiprocessing
import os

import pytest

from state_of_sparsity.json_files import DamagedFileError
from state_of_sparsity.training.runs.run_dir import RunDir, RunDirError

CONFIG = "STEPS = 10\nSEED = 0\n"


def started(path, config=CONFIG):
    run_dir = RunDir(path)
    run_dir.start(config)
    return run_dir


def test_starts_finishes_and_knows_it(tmp_path):
    run_dir = RunDir(tmp_path / "a" / "run")
    run_dir.check(CONFIG)
    run_dir.start(CONFIG)
    assert not run_dir.is_finished
    run_dir.finish({"accuracy": 0.5})
    assert RunDir(tmp_path / "a" / "run").is_finished
    run_dir.check(CONFIG)


def test_another_configuration_is_refused_with_the_difference(tmp_path):
    started(tmp_path)
    message = r"another configuration \(-STEPS = 10; \+STEPS = 20\). Use the first"
    with pytest.raises(RunDirError, match=message):
        RunDir(tmp_path).check("STEPS = 20\nSEED = 0\n")


def test_a_directory_of_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(RunDirError, match=r"which holds thesis.tex. Choose another"):
        RunDir(tmp_path).check(CONFIG)


def test_a_file_is_refused(tmp_path):
    path = tmp_path / "file"
    path.write_text("")
    with pytest.raises(RunDirError, match="`run_dir` is a file"):
        RunDir(path).check(CONFIG)


def test_a_directory_whose_start_was_interrupted_is_free(tmp_path):
    run_dir = RunDir(tmp_path)
    run_dir.checkpoints.mkdir()
    (tmp_path / ".tmp-1-run.json").write_text("{")
    with run_dir.lock():
        run_dir.check(CONFIG)
        run_dir.start(CONFIG)
    assert not list(tmp_path.glob(".tmp-*"))


def _try_lock(path):
    try:
        with RunDir(path).lock():
            return "locked"
    except RunDirError as error:
        return str(error)


def test_two_processes_cannot_write_one_run(tmp_path):
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        with RunDir(tmp_path).lock():
            assert "is being written by process" in pool.apply(_try_lock, (tmp_path,))
        assert pool.apply(_try_lock, (tmp_path,)) == "locked"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"config": null}', '{"commit": "a"}'])
def test_a_damaged_state_is_named_whatever_is_asked_of_it(tmp_path, content):
    run_dir = started(tmp_path)
    run_dir.state.write_text(content)
    for ask in (run_dir.read_config, run_dir.read_commit, lambda: run_dir.check(CONFIG)):
        with pytest.raises(DamagedFileError, match=r"run\.json is damaged: .* Put the file back"):
            ask()


@pytest.mark.parametrize("content", ["", "{}", '{"technique": "dense", "sparsity": "0"}'])
def test_a_damaged_result_is_none(tmp_path, content):
    run_dir = started(tmp_path)
    run_dir.finish({"technique": "dense", "sparsity": 0, "steps": 2})
    assert run_dir.read_result()["steps"] == 2
    run_dir.result.write_text(content)
    with pytest.raises(DamagedFileError, match=r"result\.json is damaged: .* Remove it"):
        run_dir.read_result()


def test_settings_are_recorded_at_the_start_and_where_an_older_run_goes_on(tmp_path):
    run_dir = RunDir(tmp_path / "other")
    run_dir.start(CONFIG, {"STEPS": 10})
    assert run_dir.read_settings() == {"STEPS": 10}
    run_dir.start(CONFIG, {"STEPS": 11})
    assert run_dir.read_settings() == {"STEPS": 10}
    run_dir.state.write_text(json.dumps({"config": CONFIG, "commit": "abc"}))
    assert run_dir.read_settings() == {}
    run_dir.start(CONFIG, {"STEPS": 10})
    assert (run_dir.read_settings(), run_dir.read_commit()) == ({"STEPS": 10}, "abc")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a system without named pipes")
@pytest.mark.parametrize("kind", ["another's file", "pipe", "directory"])
def test_progress_is_added_to_no_other_file(tmp_path, kind):
    run_dir, other = RunDir(tmp_path / "run"), tmp_path / "mine.txt"
    run_dir.path.mkdir()
    other.write_text("mine")
    if kind == "another's file":
        os.link(other, run_dir.progress)
    else:
        (os.mkfifo if kind == "pipe" else os.mkdir)(run_dir.progress)
    where = pytest.raises(RunDirError, match=r"progress\.jsonl, which is no plain file")
    with where, run_dir.lock():
        raise AssertionError
    assert other.read_text() == "mine"
