"""What worker processes print: a file each, which stays for as long as its process lives."""

import contextlib
import os
import pathlib
import platform
import re
import sys


def name(process: int) -> str:
    """Returns the name of the log of a process of this machine."""
    return f"worker_{platform.node()}_{process}.log"


def write_to_own(directory: pathlib.Path):
    """Sends what this process prints from here on to its log in `directory`."""
    path = directory / name(os.getpid())
    path.unlink(missing_ok=True)  # of a process that had the number before, or a link
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    sys.stdout.flush()
    os.dup2(log, 1)
    os.dup2(log, 2)


def remove_those_of_the_dead(directory: pathlib.Path):
    """Removes the logs in `directory` of processes of this machine that do not live any more."""
    for log in directory.glob("worker_*.log"):
        # Logs without a machine's name are from before they had one.
        number = re.fullmatch(rf"worker_(?:{re.escape(platform.node())}_)?(\d+)\.log", log.name)
        if number and not _lives(int(number[1])):
            with contextlib.suppress(OSError):  # another sweep was first, or Windows has it open
                log.unlink()


def _lives(process):
    """Returns whether a process lives; another may have its number, and its log stays then."""
    if os.name == "nt":  # where a signal would end it, and an open file cannot be removed
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
