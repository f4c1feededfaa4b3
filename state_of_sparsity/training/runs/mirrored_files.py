"""Which files of a run directory are copied to its mirror, and in which order."""

import math
import os
import pathlib
from collections.abc import Iterable
from typing import Any

from state_of_sparsity import atomic_write

HOLDER = "holder"  # of the mirror alone: who keeps it
_LOCK, _FOLDERS = "lock", ("checkpoints", "snapshots", "tensorboard")
# What need not be read to describe a run.
LARGE = (*_FOLDERS, "model.keras")
# What others refer to comes before them; what is not named, before the last.
_ORDER = ("run.json", "snapshots/", "metrics", "checkpoints/")


def in_order(folder: Any) -> list[str]:
    """Returns the files of a run's folder, in the order that they are copied in.

    What belongs to one process alone is left out.

    Args:
        folder: a path, of this machine or of an object store.
    """
    found = []
    for inside in ("", *_FOLDERS):
        if (folder / inside).is_dir():
            paths = [path for path in (folder / inside).iterdir() if not path.is_dir()]
            found += [f"{inside}/{path.name}" if inside else path.name for path in paths]
    own, hidden = (HOLDER, _LOCK), atomic_write.TEMPORARY_PREFIX
    shared = [n for n in found if n not in own and not n.rpartition("/")[2].startswith(hidden)]
    return sorted(shared, key=lambda name: (_place(name), name))


def furthest(names: Iterable[str]) -> float:
    """Returns the step that the last checkpoint among files is of; of a finished run, infinity."""
    names = list(names)
    if "result.json" in names:
        return math.inf
    steps = [n.removeprefix("checkpoints/step_").removesuffix(".npz") for n in names]
    return max((int(step) for step in steps if step.isdecimal()), default=-1)


def state(path: pathlib.Path) -> tuple[int, int]:
    """Returns what changes when a file is written: its size and its time."""
    found = os.stat(path)
    return found.st_size, found.st_mtime_ns


def _place(name):
    """Returns where in the order a file comes."""
    last = len(_ORDER) + (name == "result.json")
    return next((i for i, start in enumerate(_ORDER) if name.startswith(start)), last)
