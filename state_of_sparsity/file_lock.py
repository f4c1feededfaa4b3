"""Locks that a process holds, and that go with it however it ends; on Windows too."""

import contextlib
import errno
import os
import pathlib
import stat
import time

from state_of_sparsity.errors import UsageError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]
    import msvcrt

_SECONDS_BETWEEN_TRIES = 0.1
# Windows lets nobody read what is locked, and the process's number is in the first bytes.
_LOCKED_BYTE = 2**30


class LockError(UsageError, OSError):
    """A lock that cannot be had; the message says why and what to do."""


class HeldError(LockError):
    """A lock that another process holds.

    Args:
        path: the lock.
        process: the number of that process, as text.
    """

    def __init__(self, path, process):
        super().__init__(f"{path} is held by process {process}. Wait for it to end.")
        self.process = process


@contextlib.contextmanager
def hold(path, wait=False):
    """Holds a lock for this process while the block runs.

    Args:
        path: a file for nothing else; it is made, gets the number of the process, and stays. A link
            is not followed, lest what it points at is emptied.
        wait: whether to wait where another process holds it.

    Raises:
        HeldError: if another process holds it and `wait` is False.
        LockError: if `path` is there and is no plain file of its own.
        OSError: if it cannot be opened.

    Example:

    >>> with hold("runs/one/lock"):
    ...     _ = pathlib.Path("runs/one/notes.txt").write_text("nobody else is here")
    """
    path = pathlib.Path(path)
    handle = _locked(path, wait)
    try:
        os.ftruncate(handle, 0)
        os.lseek(handle, 0, os.SEEK_SET)
        os.write(handle, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(handle)


def _locked(path, wait):
    """Returns a handle of the file that is there, locked."""
    while True:
        handle = _opened(path)
        try:
            while not _try_to_lock(handle):
                if not wait:
                    os.lseek(handle, 0, os.SEEK_SET)
                    raise HeldError(path, os.read(handle, 20).decode("ascii", "replace").strip())
                time.sleep(_SECONDS_BETWEEN_TRIES)
            # The one who held it may have removed it meanwhile, and others made another.
            if os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _opened(path):
    """Returns a handle of the file, made if need be, and of nothing that a link names."""
    # Windows has neither, and neither a device nor a pipe among its folders.
    safely = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    refusal = LockError(f"{path} must be a plain file that is no link, as locks are. Remove it.")
    if path.is_symlink():
        raise refusal
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | safely, 0o666)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO) or path.is_dir():
            raise refusal from error
        raise
    found = os.fstat(handle)
    # A file of two names is another one's as well.
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        os.close(handle)
        raise refusal
    return handle


def _try_to_lock(handle):
    """Returns whether the lock could be had; it goes when the handle is closed."""
    try:
        if fcntl is not None:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            os.lseek(handle, _LOCKED_BYTE, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    except OSError as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK):
            raise
        return False
    return True
