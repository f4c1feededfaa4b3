"""What has become of each cell of a sweep, whatever processes ran them: told by files alone."""

import contextlib
import json
import os
import pathlib
import time

from state_of_sparsity import atomic_write
from state_of_sparsity.training.runs.run_dir import RunDir

FINISHED, FAILED, BEGUN, WAITING = "finished", "failed", "begun", "not begun"


def note_failure(run_dir: pathlib.Path, reason: str) -> None:
    """Writes beside a run directory why its run failed; a disk that takes no more is no matter."""
    with contextlib.suppress(OSError):
        atomic_write.write_text(_note(run_dir), " ".join(reason.split()) + "\n")


def forget_failure(run_dir: pathlib.Path) -> None:
    """Removes what `note_failure` wrote, if anything."""
    with contextlib.suppress(OSError):
        _note(run_dir).unlink(missing_ok=True)


def of(run_dir: pathlib.Path) -> tuple[str, str]:
    """Returns the state of a cell, and what there is to say of it.

    Args:
        run_dir: its run directory, there or not.

    Returns:
        `FINISHED`; `FAILED` and the reason; `BEGUN` and how far it is; or `WAITING`.
    """
    if RunDir(run_dir).is_finished:
        return FINISHED, ""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return FAILED, _note(run_dir).read_text(encoding="utf-8").strip()
    path = RunDir(run_dir).progress
    try:
        seconds = time.time() - path.stat().st_mtime
    except OSError:
        return WAITING, ""
    return BEGUN, f"{how_far(run_dir) or 'starting'}, said {seconds:.0f} s ago"


def how_far(run_dir: pathlib.Path) -> str | None:
    """Returns how far an unfinished run is, in a line, or None if it has not begun to train."""
    try:
        text = RunDir(run_dir).progress.read_text(encoding="utf-8")
        last = json.loads(text.splitlines()[-1])
        return f"step {last['step']:,} of {last['steps']:,}  ETA {last['eta_s']:.0f} s"
    except (OSError, ValueError, LookupError, TypeError):  # a phase, or a line half written
        return None


def _note(run_dir):
    return pathlib.Path(f"{os.fspath(run_dir)}.failed")
