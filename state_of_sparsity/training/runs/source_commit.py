"""Which version of this package's source runs."""

import functools
import pathlib
import subprocess


@functools.cache  # later commits do not change the Python that a process has imported
def source_commit() -> str | None:
    """Returns the commit of the clone that the package is imported from, 12 digits.

    `+` is added where the package or its gin files differ from that commit. None where the package
    is not imported from a clone, or git is not installed.
    """
    return commit_of(pathlib.Path(__file__).resolve().parents[2])


def commit_of(package: pathlib.Path) -> str | None:
    """Returns the commit of the clone that a package lies in, as `source_commit` says."""
    if not (package.parent / ".git").exists():
        return None
    try:
        commit = _git(package.parent, "rev-parse", "--short=12", "HEAD")
        changes = _git(package.parent, "status", "--porcelain", "--", package.name, "gin_configs")
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{commit}+" if changes else commit


def _git(folder, *arguments):
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
