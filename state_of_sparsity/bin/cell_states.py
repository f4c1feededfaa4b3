"""What has become of each cell of a sweep, whatever processes ran them: told by files alone."""

import ast
import contextlib
import json
import os
import pathlib
import time
from collections.abc import Iterable

from state_of_sparsity import atomic_write
from state_of_sparsity.training.runs import object_store
from state_of_sparsity.training.runs.mirror import Mirror
from state_of_sparsity.training.runs.run_dir import RunDir

FINISHED, FAILED, BEGUN, WAITING = "finished", "failed", "begun", "not begun"


def note_failure(run_dir: pathlib.Path, reason: str, mirror: str | None = None) -> None:
    """Writes beside a run directory, and its mirror, why its run failed, where that can be."""
    text = " ".join(reason.split()) + "\n"
    with contextlib.suppress(OSError, object_store.MirrorError):
        atomic_write.write_text(_note(run_dir), text)
        if mirror:
            object_store.put_text(_note(mirror), text)


def forget_failure(run_dir: pathlib.Path, mirror: str | None = None) -> None:
    """Removes what `note_failure` wrote, if anything."""
    with contextlib.suppress(OSError, object_store.MirrorError):
        pathlib.Path(_note(run_dir)).unlink(missing_ok=True)
        if mirror:
            object_store.remove(_note(mirror))


def fetch(run_dir: pathlib.Path, mirror: str) -> None:
    """Brings what a mirror has of a cell's state here: all but checkpoints, snapshots and model.

    Raises:
        UsageError: if it cannot be read, or is of another run.
    """
    reason = object_store.get_text(_note(mirror))
    if reason is None:
        pathlib.Path(_note(run_dir)).unlink(missing_ok=True)
    else:
        atomic_write.write_text(_note(run_dir), reason)
    Mirror(run_dir, mirror).fetch(whole=False)


def of(run_dir: pathlib.Path, bindings: Iterable[str] = ()) -> tuple[str, str]:
    """Returns the state of a cell, and what there is to say of it.

    Args:
        run_dir: its run directory, there or not.
        bindings: its gin bindings, such as `SPARSITY = 0.9`; what is there with other values than
            these is another run.

    Returns:
        `FINISHED`; `FAILED` and the reason; `BEGUN` and how far it is; or `WAITING`.
    """
    other = _other_setting(run_dir, bindings)
    if other:
        return FAILED, f"was started with another configuration, {other}"
    if RunDir(run_dir).is_finished:
        return FINISHED, ""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return FAILED, pathlib.Path(_note(run_dir)).read_text(encoding="utf-8").strip()
    try:
        said = time.localtime(RunDir(run_dir).progress.stat().st_mtime)
    except OSError:
        return WAITING, ""
    far = how_far(run_dir) or "starting"
    return BEGUN, f"{far}, said at {time.strftime('%H:%M:%S on %Y-%m-%d', said)}"


def _other_setting(run_dir, bindings):
    """Returns a setting of a run that is not that of a binding; None where all are, or are none."""
    with contextlib.suppress(OSError, ValueError):
        wanted = dict(map(str.strip, binding.split("=", 1)) for binding in bindings)  # last wins
        settings = RunDir(run_dir).read_settings()
        for name, text in wanted.items():
            with contextlib.suppress(ValueError, SyntaxError):  # a reference to something
                value = json.loads(json.dumps(ast.literal_eval(text)))
                if name in settings and settings[name] != value:
                    return f"{name} = {settings[name]!r}"
    return None


def how_far(run_dir: pathlib.Path) -> str | None:
    """Returns how far an unfinished run is, in a line, or None if it has not begun to train."""
    try:
        text = RunDir(run_dir).progress.read_text(encoding="utf-8")
        last = json.loads(text.splitlines()[-1])
        return f"step {last['step']:,} of {last['steps']:,}  ETA {last['eta_s']:.0f} s"
    except (OSError, ValueError, LookupError, TypeError):  # a phase, or a line half written
        return None


def _note(run_dir):
    """Returns the path of a note, here or in an object store: as text, which paths would change."""
    return f"{os.fspath(run_dir)}.failed"
