"""Files that are either the old ones or the new ones, never half of each."""

import contextlib
import errno
import os
import pathlib
import secrets
import stat

TEMPORARY_PREFIX = ".tmp-"
_NAME_LETTERS = 40


@contextlib.contextmanager
def atomic_path(path):
    """Yields a temporary path beside `path` that replaces it when the block ends well.

    The file is flushed to disk before it takes its name, and so is the folder after it; where the
    block raises, the temporary file is removed and `path` stays as it was.

    Args:
        path: the file to write; its folder is made if need be. The temporary name keeps its
            suffix, as Keras saves by suffix. A file that is there leaves its mode to the new one;
            a link is replaced, and not followed: `output_path.check_file` follows those of users.

    Raises:
        FileExistsError: if something else than a file has that name.

    Example:

    >>> with atomic_path("result.json") as temporary:
    ...     _ = temporary.write_text("{}")
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = _mode(path)
    # A name that nobody can have put a link at, with the end of the path's, which has the suffix:
    # the whole may be too long.
    unique = f"{os.getpid()}-{secrets.token_hex(4)}"
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{unique}-{path.name[-_NAME_LETTERS:]}")
    try:
        if mode is not None:  # who may not read the old one may not read the new one meanwhile
            access = mode & 0o777 | 0o600
            os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, access))
        yield temporary
        # Windows flushes what can be written alone, and the old file may be read-only.
        _flush_to_disk(temporary, os.O_RDWR)
        if mode is not None:
            temporary.chmod(mode)
        os.replace(temporary, path)
        with contextlib.suppress(PermissionError):  # Windows opens no folders
            _flush_to_disk(path.parent, os.O_RDONLY)
    except OSError as error:
        if error.filename is None and error.errno is not None:
            error.filename = os.fspath(path)  # those of a full disk name no file
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path, text):
    """Writes `text` to `path` as UTF-8, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def remove_leftovers(directory):
    """Removes the temporary files in `directory` that a killed process left there."""
    for path in pathlib.Path(directory).glob(f"{TEMPORARY_PREFIX}*"):
        path.unlink(missing_ok=True)


def _mode(path):
    """Returns the mode of a file that is there, None if there is none, or a link."""
    if not os.path.lexists(path):
        return None
    mode = path.lstat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
        raise FileExistsError(errno.EEXIST, "Is there, and is no file", os.fspath(path))
    return stat.S_IMODE(mode) if stat.S_ISREG(mode) else None


def _flush_to_disk(path, access):
    handle = os.open(path, access)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
