"""Measuring in a process of its own, and the memory of a process (Linux)."""

import ctypes
import json
import pathlib
import resource
import subprocess
import sys


class DoesNotFit(Exception):
    """The memory of the machine is too small for what was to be measured."""


def measured(script, **flags):
    """Runs a script with `--name=value` flags; returns what it printed last, read as JSON.

    Raises:
        DoesNotFit: if the process ran out of memory.
        RuntimeError: if it failed for another reason.
    """
    command = [sys.executable, script, *(f"--{name}={value}" for name, value in flags.items())]
    done = subprocess.run(command, capture_output=True, text=True)
    if "MemoryError" in done.stderr or -done.returncode in (6, 9):  # aborted, killed
        raise DoesNotFit(f"the process ended by signal or error {done.returncode}")
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-4000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def held_bytes():
    """Returns the resident set of this process."""
    return _field("/proc/self/status", "VmRSS")


def peak_bytes():
    """Returns the largest resident set of this process so far, or since `reset_peak`."""
    return _field("/proc/self/status", "VmHWM")


def reset_peak():
    """Hands memory that was freed back to the system, and has the peak counted anew."""
    ctypes.CDLL(None).malloc_trim(0)
    pathlib.Path("/proc/self/clear_refs").write_text("5")


def available_bytes():
    """Returns how much memory the machine can still give."""
    return _field("/proc/meminfo", "MemAvailable")


def fail_beyond_available():
    """Lets allocations of this process fail where memory ends, before a process is killed."""
    limit = _field("/proc/self/status", "VmSize") + available_bytes()
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _field(path, name):
    lines = pathlib.Path(path).read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024
