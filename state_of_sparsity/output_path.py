"""Whether a file or a folder can be written, known before the work whose results go there."""

import contextlib
import os
import pathlib
import stat
import sys
import tempfile
from collections.abc import Iterable

from state_of_sparsity.errors import UsageError

# What a run directory, which has the first of them, holds for good.
RUN_FILES = (
    *("run.json", "config.gin", "metrics.csv", "metrics.jsonl", "progress.jsonl", "result.json"),
    *("report.csv", "report.md", "report.txt", "model.keras", "vocabulary.model"),
    *("data_digests.json", "lock"),
)
# Room for what a temporary name adds to a file's, and for files inside a folder.
_ADDED_BYTES = 64
_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
)


class OutputPathError(UsageError, ValueError):
    """A path that cannot be written; the message says why."""


def check_file(
    argument: str, path: str | os.PathLike, inputs: Iterable[str | os.PathLike | None] = ()
) -> pathlib.Path:
    """Returns the path of a file that can be written; nothing is made or changed.

    Links are followed, and `~` is the home directory. A file that is there must be a plain file
    which may be written, and no run's own; one that is not must have a name, and a folder or the
    beginning of one, in which it can be made.

    Args:
        argument: what the user calls the path, for the message.
        path: the file to be written.
        inputs: files that are read, and so must not be written; None is no file.

    Raises:
        OutputPathError: if it cannot be written, a ValueError.

    Example:

    >>> check_file("output", "/dev/null")
    Traceback (most recent call last):
    state_of_sparsity.output_path.OutputPathError: `output` must be a file that can be written. \
Received: /dev/null, which is a device. Name a file, or redirect the standard output.
    """
    with _explained(argument, "a file that can be written", path):
        target = _resolved(path)
        if target in [_resolved(each) for each in inputs if each]:
            raise OutputPathError("is what is read. Name another file")
        if target.name in RUN_FILES and (target.parent / RUN_FILES[0]).exists():
            raise OutputPathError(f"is a file of the run in {target.parent}. Name another file")
        if os.fspath(path).endswith(("/", os.sep)) and not target.is_dir():
            raise OutputPathError("ends as names of directories do. Name a file")
        if target.exists():
            _check_plain(target)
        _check_can_be_made(target.parent, target)
        return target


def check_folder(argument: str, path: str | os.PathLike):
    """Raises unless a folder is there or can be made, and can be written to.

    Args:
        argument: what the user calls the path, for the message.
        path: the folder.

    Raises:
        OutputPathError: if files cannot be written there, a ValueError.
    """
    with _explained(argument, "a directory that can be written", path):
        if "://" in os.fspath(path):
            raise OutputPathError("is none of this machine. Choose one, and give this as `mirror`")
        target = _resolved(path)
        if pathlib.Path(path).expanduser().is_symlink() and not target.exists():
            raise OutputPathError(f"is a link to {target}, which is not there. Make it first")
        if target.exists() and not target.is_dir():
            raise OutputPathError(f"is {_kind(target)}. Choose another name")
        _check_can_be_made(target, target)


@contextlib.contextmanager
def _explained(argument, allowed, path):
    """Makes a sentence of why a path cannot be written."""
    try:
        yield
    except OutputPathError as error:
        reason = f"which {error}"
    except OSError as error:
        place = f" at {error.filename}" if error.filename not in (None, os.fspath(path)) else ""
        reason = f"where the system says: {error.strerror or error}{place}"
    except (ValueError, RuntimeError) as error:  # a zero byte; a home directory that is not known
        reason = f"which is no path: {error}"
    else:
        return
    raise OutputPathError(
        f"`{argument}` must be {allowed}. Received: {os.fspath(path)!s}, {reason}."
    ) from None


def _resolved(path):
    """Returns the path with `~` and all links resolved."""
    text = os.fspath(path)
    if not text.strip():
        raise OutputPathError("is empty")
    path = pathlib.Path(os.path.realpath(pathlib.Path(text).expanduser()))
    if path.is_symlink():
        raise OutputPathError(f"is a link that leads back to itself, at {path}")
    return path


def _check_plain(path):
    """Raises unless a file that is there may be replaced by another."""
    if not path.is_file():
        raise OutputPathError(f"is {_kind(path)}. Name a file, or redirect the standard output")
    if not os.access(path, os.W_OK):
        raise OutputPathError("is read-only. Name another file, or make it writable")
    if any(_is_written_by(stream, path) for stream in (sys.__stdout__, sys.__stderr__)):
        raise OutputPathError("is where messages go. Name another file")


def _is_written_by(stream, path):
    try:
        return os.path.samestat(path.stat(), os.fstat(stream.fileno()))
    except (AttributeError, OSError, ValueError):  # there may be no stream
        return False


def _check_can_be_made(folder, target):
    """Raises unless files can be written to a folder, or to what of it there is."""
    there = next(p for p in (folder, *folder.parents) if os.path.lexists(p))
    if not there.is_dir():
        raise OutputPathError(f"lies under {there}, which is {_kind(there)}. Choose another place")
    longest = max((len(os.fsencode(part)) for part in target.parts), default=0)
    limits = _limits(there)
    if longest > limits[0] or len(os.fsencode(target)) + _ADDED_BYTES > limits[1]:
        raise OutputPathError("is too long a name. Choose a shorter one")
    # The one way to know of full disks, read-only file systems and rights of other kinds.
    with tempfile.TemporaryFile(dir=there, prefix=".tmp-") as file:
        file.write(b"\0" * 4096)
        file.flush()
        os.fsync(file.fileno())


def _limits(folder):
    """Returns how many bytes a name, and a whole path, may have."""
    try:
        return os.pathconf(folder, "PC_NAME_MAX"), os.pathconf(folder, "PC_PATH_MAX")
    except (AttributeError, OSError, ValueError):  # not on Windows
        return 255, 32_000


def _kind(path):
    try:
        mode = path.lstat().st_mode
    except OSError:
        return "not there"
    if stat.S_ISLNK(mode):
        return "a link to nothing"
    if stat.S_ISREG(mode):
        return "a file"
    return next((name for is_kind, name in _KINDS if is_kind(mode)), "a device")
