import pathlib
import re
import subprocess

import pytest

import state_of_sparsity
from state_of_sparsity.training.source_commit import source_commit

ROOT = pathlib.Path(state_of_sparsity.__file__).parents[1]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="the package is not in a clone")
def test_the_commit_of_the_clone_with_a_plus_for_changes():
    commit = source_commit()
    assert re.fullmatch(r"[0-9a-f]{12}\+?", commit)
    head = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    )
    assert head.stdout.startswith(commit.rstrip("+"))


def test_without_git_it_is_not_known(monkeypatch):
    monkeypatch.setenv("PATH", "")
    source_commit.cache_clear()
    assert source_commit() is None
    source_commit.cache_clear()
