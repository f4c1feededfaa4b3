import os
import signal
import stat
import subprocess
import sys

import pytest

from state_of_sparsity import atomic_write


def test_replaces_the_file_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    atomic_write.write_text(path, "new")
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_an_error_leaves_the_old_file_and_no_temporary_one(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="boom"), atomic_write.atomic_path(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError("boom")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_killed_process_leaves_the_old_file_and_a_leftover_that_goes(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    code = (
        "import os, signal, sys\n"
        "from state_of_sparsity import atomic_write\n"
        "with atomic_write.atomic_path(sys.argv[1]) as temporary:\n"
        "    temporary.write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    process = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert process.returncode == -signal.SIGKILL
    assert path.read_text() == "old"
    assert len(os.listdir(tmp_path)) == 2
    atomic_write.remove_leftovers(tmp_path)
    assert os.listdir(tmp_path) == ["a.txt"]


def test_keeps_the_suffix_and_the_umask(tmp_path):
    path = tmp_path / "model.keras"
    with atomic_write.atomic_path(path) as temporary:
        assert temporary.suffix == ".keras"
        temporary.write_text("x")
    plain = tmp_path / "plain"
    plain.write_text("x")
    assert path.stat().st_mode == plain.stat().st_mode


def test_a_file_keeps_its_mode_and_a_link_is_replaced_not_followed(tmp_path):
    path, target, link = (tmp_path / name for name in ("a.txt", "target.txt", "link.txt"))
    path.write_text("old")
    path.chmod(0o600)
    target.write_text("of somebody else")
    link.symlink_to(target)
    for written in (path, link):
        atomic_write.write_text(written, "new")
        assert written.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not link.is_symlink() and target.read_text() == "of somebody else"


def test_a_read_only_file_is_flushed_while_its_successor_can_be_written(tmp_path, monkeypatch):
    path, opened, flush = tmp_path / "a.txt", [], os.open
    path.write_text("old")
    path.chmod(0o400)

    def noted(name, flags, *more):
        if os.path.exists(name):
            opened.append(os.stat(name).st_mode & stat.S_IWUSR)
        return flush(name, flags, *more)

    monkeypatch.setattr(atomic_write.os, "open", noted)
    with atomic_write.atomic_path(path) as temporary:
        temporary.write_text("new")
    assert opened and all(opened)
    assert path.read_text() == "new" and stat.S_IMODE(path.stat().st_mode) == 0o400


def test_what_is_no_file_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in ("/dev/null", tmp_path, tmp_path / "pipe"):
        with pytest.raises(FileExistsError, match="is no file"):
            atomic_write.write_text(path, "new")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    assert os.listdir(tmp_path) == ["pipe"]


def test_the_longest_name_can_be_written(tmp_path):
    path = tmp_path / ("x" * 249 + ".keras")
    with atomic_write.atomic_path(path) as temporary:
        assert temporary.suffix == ".keras"
        temporary.write_text("new")
    assert path.read_text() == "new"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes of this kind")
def test_a_private_file_is_private_while_it_is_written(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    path.chmod(0o600)
    with atomic_write.atomic_path(path) as temporary:
        temporary.write_text("new")
        assert temporary.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == "new" and path.stat().st_mode & 0o777 == 0o600
