"""Files that are either the old ones or the new ones, never half of each."""

import contextlib
import os
import pathlib

TEMPORARY_PREFIX = ".tmp-"


@contextlib.contextmanager
def atomic_path(path):
    """Yields a temporary path beside `path` that replaces it when the block ends well.

    The file is flushed to disk before it takes its name, and so is the folder after it; where the
    block raises, the temporary file is removed and `path` stays as it was.

    Args:
        path: the file to write; its folder is made if need be. The temporary name keeps its
            suffix, as Keras saves by suffix.

    Example:

    >>> with atomic_path("result.json") as temporary:
    ...     _ = temporary.write_text("{}")
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{os.getpid()}-{path.name}")
    try:
        yield temporary
        _flush_to_disk(temporary)
        os.replace(temporary, path)
        _flush_to_disk(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path, text):
    """Writes `text` to `path` as UTF-8, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def remove_leftovers(directory):
    """Removes the temporary files in `directory` that a killed process left there."""
    for path in pathlib.Path(directory).glob(f"{TEMPORARY_PREFIX}*"):
        path.unlink(missing_ok=True)


def _flush_to_disk(path):
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
