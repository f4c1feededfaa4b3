"""Logs of workers: those of living processes stay, whoever started them."""

import os
import platform
import subprocess
import sys

from state_of_sparsity.bin import worker_logs


def test_logs_of_the_dead_are_removed_and_others_stay(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    dead = [tmp_path / worker_logs.name(ended.pid), tmp_path / f"worker_{ended.pid}.log"]
    others = [
        tmp_path / worker_logs.name(os.getpid()),
        tmp_path / f"worker_{os.getpid()}.log",
        tmp_path / f"worker_not{platform.node()}_{ended.pid}.log",  # of another machine
        tmp_path / "worker_notes.log",
        tmp_path / worker_logs.name(10**30),
    ]
    for path in [*dead, *others]:
        path.write_text("kept")
    worker_logs.remove_those_of_the_dead(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(others)


def test_one_that_another_sweep_removes_first_is_no_hindrance(tmp_path, monkeypatch):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    gone = tmp_path / worker_logs.name(ended.pid)
    monkeypatch.setattr(type(tmp_path), "glob", lambda path, pattern: iter([gone]))
    worker_logs.remove_those_of_the_dead(tmp_path)


def test_a_log_is_a_new_file_and_never_what_a_link_points_at(tmp_path):
    notes = tmp_path / "notes"
    notes.write_text("mine")
    command = (
        "import os, pathlib, sys; from state_of_sparsity.bin import worker_logs;"
        "path = pathlib.Path(sys.argv[1]); log = path / worker_logs.name(os.getpid());"
        "log.symlink_to(path / 'notes'); worker_logs.write_to_own(path); print('said')"
    )
    subprocess.run([sys.executable, "-c", command, tmp_path], check=True)
    assert notes.read_text() == "mine"
    (log,) = tmp_path.glob("worker_*.log")
    assert log.read_text() == "said\n" and not log.is_symlink()
