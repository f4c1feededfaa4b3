import subprocess

import pytest

from state_of_sparsity.training.runs.source_commit import commit_of, source_commit


def git(folder, *arguments):
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def package(tmp_path):
    """A package with one file in a repository with one commit."""
    package = tmp_path / "package"
    package.mkdir()
    (package / "file.py").write_text("a = 1\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message=one")
    return package


def test_the_commit_with_a_plus_where_the_package_differs(package):
    head = git(package, "rev-parse", "HEAD")
    (package.parent / "notes.md").write_text("not what runs")
    assert commit_of(package) == head[:12]
    (package / "file.py").write_text("a = 2\n")
    assert commit_of(package) == f"{head[:12]}+"
    git(package, "checkout", "--", ".")
    (package.parent / "gin_configs").mkdir()
    (package.parent / "gin_configs" / "new.gin").write_text("A = 1\n")
    assert commit_of(package) == f"{head[:12]}+"


def test_where_it_is_not_known(package, monkeypatch, tmp_path_factory):
    assert commit_of(tmp_path_factory.mktemp("installed") / "package") is None
    monkeypatch.setenv("PATH", "")  # without git
    assert commit_of(package) is None


def test_it_is_asked_for_once_a_process():
    assert source_commit() == source_commit()
    assert source_commit.cache_info().misses <= 1
