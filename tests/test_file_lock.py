"""Locks: of one process at a time, of plain files only, and the same on Windows."""

import os
import subprocess
import sys
import types

import pytest

from state_of_sparsity import atomic_write, file_lock
from state_of_sparsity.analysis.run_table import RunTable
from state_of_sparsity.training.runs.run_dir import RunDir, RunDirError

# As on Windows: no `fcntl`, no folder opens, and only what can be written is flushed.
WINDOWS = """
import errno, os, stat, subprocess, sys, types
real_open, real_fsync, readable = os.open, os.fsync, set()

def windows_open(path, flags, mode=0o777, **more):
    if os.path.isdir(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))
    handle = real_open(path, flags, mode, **more)
    (readable.discard if flags & (os.O_WRONLY | os.O_RDWR) else readable.add)(handle)
    return handle

def windows_fsync(handle):
    if handle in readable:
        raise OSError(errno.EBADF, "Bad file descriptor")
    return real_fsync(handle)

sys.modules["fcntl"] = None
held = set()

def locking(handle, mode, count):
    key = os.fstat(handle).st_ino
    if key in held:
        raise PermissionError(errno.EACCES, "Permission denied")
    held.add(key)

sys.modules["msvcrt"] = types.SimpleNamespace(LK_NBLCK=2, locking=locking)
os.open, os.fsync = windows_open, windows_fsync
for name in ("O_NOFOLLOW", "O_NONBLOCK", "pread", "pwrite", "getuid"):
    delattr(os, name)
"""


def test_a_second_hold_is_refused_with_the_number_of_the_first(tmp_path):
    path = tmp_path / "lock"
    with file_lock.hold(path):
        message = f"held by process {os.getpid()}. Wait"
        with pytest.raises(file_lock.HeldError, match=message), file_lock.hold(path):
            pass
        assert path.read_text() == f"{os.getpid()}\n"
    with file_lock.hold(path):
        pass


def test_a_lock_that_is_waited_for_comes(tmp_path, monkeypatch):
    path, first = tmp_path / "lock", file_lock.hold(tmp_path / "lock")
    first.__enter__()
    monkeypatch.setattr(file_lock.time, "sleep", lambda _: first.__exit__(None, None, None))
    with file_lock.hold(path, wait=True):
        pass


def link(path, target):
    path.symlink_to(target)


def dangling_link(path, target):
    path.symlink_to(path.with_name("new"))


@pytest.mark.parametrize(
    "make",
    [
        link,
        dangling_link,
        lambda path, target: os.link(target, path),
        lambda path, _: path.mkdir(),
        lambda path, _: os.mkfifo(path),
    ],
    ids=["link", "dangling_link", "hard_link", "folder", "pipe"],
)
def test_a_lock_is_a_plain_file_of_its_own(tmp_path, make):
    target = tmp_path / "precious"
    target.write_text("precious")
    (tmp_path / "run").mkdir()
    make(tmp_path / "run" / "lock", target)
    message = "must have a lock of its own: .*lock must be a plain file"
    with pytest.raises(RunDirError, match=message), RunDir(tmp_path / "run").lock():
        pass
    assert target.read_text() == "precious" and not (tmp_path / "run" / "new").exists()


@pytest.mark.parametrize("name", ["progress.jsonl", "tensorboard", "checkpoints"])
def test_nothing_is_written_through_links_of_a_run_directory(tmp_path, name):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / name).symlink_to(tmp_path)
    message = rf"Received: .*{name}, which is a link"
    with pytest.raises(RunDirError, match=message), RunDir(tmp_path / "run").lock():
        pass


def test_files_of_a_run_that_are_links_are_replaced_and_what_they_name_stays(tmp_path):
    target = tmp_path / "precious"
    target.write_text("precious")
    run_dir = RunDir(tmp_path / "run")
    with run_dir.lock():
        run_dir.start("")
    run_dir.result.symlink_to(target)
    run_dir.finish({"accuracy": 1})
    assert target.read_text() == "precious" and run_dir.is_finished


def test_names_of_temporary_files_cannot_be_foreseen(tmp_path):
    names = set()
    for _ in range(3):
        with atomic_write.atomic_path(tmp_path / "a") as temporary:
            names.add(temporary.name)
            temporary.write_text("")
    assert len(names) == 3


def test_a_table_is_locked_by_a_file_beside_it(tmp_path):
    table = RunTable(tmp_path / "runs.csv")
    table.add([{"run": "a", "kernels": "[]"}])
    assert sorted(os.listdir(tmp_path)) == [".runs.csv.lock", "runs.csv"]
    with file_lock.hold(tmp_path / ".runs.csv.lock"):
        assert RunTable(tmp_path / "runs.csv").read()[0]["run"] == "a"


def test_everything_is_written_as_well_where_there_is_no_fcntl(tmp_path):
    code = f"""{WINDOWS}
import state_of_sparsity
from state_of_sparsity import atomic_write, file_lock
from state_of_sparsity.analysis import run_table
folder = sys.argv[1]
atomic_write.write_text(folder + "/report.csv", "Übergröße\\n")
run_table.RunTable(folder + "/runs.csv").add([{{"run": "a", "kernels": "[]"}}])
assert "fcntl" in sys.modules and file_lock.fcntl is None
with file_lock.hold(folder + "/lock"):
    try:
        file_lock.hold(folder + "/lock").__enter__()
    except file_lock.HeldError as error:
        print("held by", error.process == str(os.getpid()))
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "held by True\n"), done.stderr
    assert (tmp_path / "report.csv").read_bytes() == "Übergröße\n".encode()


def test_a_run_and_a_report_are_written_on_windows(tmp_path, monkeypatch):
    """In this process, which has Keras already."""
    import keras

    import state_of_sparsity as sos
    from state_of_sparsity.training.train import train
    from tests.training.experiments import small_experiment

    windows = {name: getattr(os, name) for name in dir(os)}
    fake = types.SimpleNamespace(**windows)

    def open_no_folder(path, flags, *mode):
        if os.path.isdir(path):
            raise PermissionError(13, "Permission denied", str(path))
        return os.open(path, flags, *mode)

    locked = []
    fake.open = open_no_folder
    monkeypatch.setattr(atomic_write, "os", fake)
    monkeypatch.setattr(file_lock, "fcntl", None)
    msvcrt = types.SimpleNamespace(LK_NBLCK=2, locking=lambda *found: locked.append(found[1:]))
    monkeypatch.setattr(file_lock, "msvcrt", msvcrt, raising=False)
    experiment = small_experiment()
    run_dir = RunDir(tmp_path / "run")
    with run_dir.lock():
        run_dir.start("")
        train(experiment, experiment.build(), run_dir, verbose=False)
    assert run_dir.is_finished and locked == [(2, 1)]
    sos.report(keras.saving.load_model(run_dir.model)).to_csv(tmp_path / "report.csv")
    assert (tmp_path / "report.csv").read_text().startswith("path,")
