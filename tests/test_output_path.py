import os
import pathlib
import subprocess
import sys

import pytest

from state_of_sparsity import output_path
from state_of_sparsity.output_path import OutputPathError, check_file, check_folder


def contents(folder):
    return sorted(p.relative_to(folder) for p in folder.rglob("*"))


def test_a_file_that_is_there_or_not_may_be_written_and_nothing_is_made(tmp_path):
    (tmp_path / "old").write_text("old")
    before = contents(tmp_path)
    for name in ("old", "new", "a/b/new", "x" * 250):
        assert check_file("output", tmp_path / name) == tmp_path / name
    check_folder("output_dir", tmp_path / "a" / "b")
    check_folder("output_dir", tmp_path)
    assert contents(tmp_path) == before and (tmp_path / "old").read_text() == "old"


def test_links_are_followed_and_home_and_the_working_directory_are_known(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to("target")
    (tmp_path / "to_link").symlink_to("link")
    (tmp_path / "dangling").symlink_to("new/file")
    assert check_file("output", "to_link") == tmp_path / "target"
    assert check_file("output", "~/link") == tmp_path / "target"
    assert check_file("output", "dangling") == tmp_path / "new" / "file"


def cannot_be_files(folder):
    (folder / "file").write_text("x")
    (folder / "round").symlink_to("round")
    os.mkfifo(folder / "pipe")
    return {
        "/dev/null": "is a device",
        "/dev/full": "is a device",
        str(folder): "is a directory",
        str(folder / "pipe"): "is a pipe",
        str(folder / "file" / "under"): "lies under .*file, which is a file",
        str(folder / "file" / "a" / "b"): "lies under .*file, which is a file",
        str(folder / "round"): "leads back to itself",
        str(folder / ("x" * 256)): "too long",
        str(folder / "not_there" / ("x" * 300)): "too long",
        str(folder / "/".join(["abcdefgh"] * 600)): "too long",
        "/proc/new": "the system says",
        "/proc/self/new": "the system says",
        "": "is empty",
        "  ": "is empty",
        "a\0b": "no path",
        "~nobody_of_this_name/x": "no path|system says",
    }


def test_what_cannot_be_a_file_is_said(tmp_path):
    for path, reason in cannot_be_files(tmp_path).items():
        with pytest.raises(OutputPathError, match=f"^`output` must be a file .*{reason}") as error:
            check_file("output", path)
        assert "\n" not in str(error.value), path


def test_what_cannot_be_a_folder_is_said(tmp_path):
    wrong = cannot_be_files(tmp_path)
    del wrong[str(tmp_path)]
    for path, reason in wrong.items():
        with pytest.raises(OutputPathError, match=f"^`run_dir` must be a directory .*{reason}"):
            check_folder("run_dir", path)


def test_a_read_only_file_or_folder_is_refused(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everything
    with pytest.raises(OutputPathError, match="is read-only"):
        check_file("output", tmp_path / "file")


def test_a_full_disk_is_found_before_the_work(tmp_path, monkeypatch):
    def no_space(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(output_path.os, "fsync", no_space)
    for check in (check_file, check_folder):
        with pytest.raises(OutputPathError, match="the system says: No space left on device"):
            check("output", tmp_path / "new")
    assert contents(tmp_path) == []


def test_the_file_that_messages_go_to_is_refused(tmp_path):
    code = "from state_of_sparsity.output_path import check_file; check_file('output', 'out.txt')"
    root = pathlib.Path(__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    with open(tmp_path / "out.txt", "w", encoding="utf-8") as out:
        command = [sys.executable, "-c", code]
        done = subprocess.run(
            command, stdout=out, stderr=subprocess.PIPE, cwd=tmp_path, env=environment, check=False
        )
    assert b"is where messages go" in done.stderr


@pytest.mark.parametrize("name", ["new/", "there.txt/"])
def test_a_file_does_not_end_as_a_directory(tmp_path, name):
    (tmp_path / "there.txt").write_text("old")
    with pytest.raises(OutputPathError, match="ends as names of directories do"):
        check_file("output", f"{tmp_path}/{name}")
