"""What another run kept of a step: found, read, and compared with the model that takes it."""

import os

import keras
import numpy as np

from state_of_sparsity.surgery.variables_by_path import variables_by_path
from state_of_sparsity.training.runs import snapshot
from state_of_sparsity.training.runs.run_dir import RunDir
from state_of_sparsity.training.runs.snapshot import Snapshot, SnapshotError

LAST = "last"


def read(
    path: str | os.PathLike,
    seed: int,
    step: int | str,
    argument: str,
    directory: str | os.PathLike | None = None,
) -> Snapshot:
    """Returns what a run kept of a step.

    Args:
        path: its directory; `{seed}` in it stands for the seed, `{directory}` for the directory.
        seed: of the experiment that asks.
        step: a step, or "last", of a finished run.
        argument: what the directory was given as, for messages.
        directory: of the run that asks, if it has one.

    Raises:
        SnapshotError: if there is no run, it is not finished, or has not kept the step.
    """
    run_dir = RunDir(_filled_in(os.fspath(path), seed, argument, directory))
    if not run_dir.is_started:
        raise SnapshotError(
            f"`{argument}` must be the directory of a run of state_of_sparsity.bin.train. "
            f"Received: {run_dir.path}, which is none. Train it first; relative paths begin at the "
            "working directory, and {seed} in them stands for the seed."
        )
    if step == LAST and not run_dir.is_finished:
        raise SnapshotError(
            f"`{argument}` must be a finished run. Received: {run_dir.path}, which is not "
            "finished. Start its training again: it goes on from its last checkpoint."
        )
    number = run_dir.read_result()["steps"] if step == LAST else step
    file = run_dir.snapshot(number)
    if not file.exists():
        steps = sorted(int(p.stem.rpartition("_")[2]) for p in run_dir.snapshots.glob("step_*.npz"))
        raise SnapshotError(
            f"`{argument}` must be a run that kept step {number}. Received: {run_dir.path}, which "
            f"has kept {', '.join(map(str, steps)) or 'none'}. Choose one of those, or train the "
            "run again in another directory, with this step in Experiment.kept_steps."
        )
    return snapshot.read(file)


def _filled_in(path, seed, argument, directory):
    """Returns a path with what stands in braces replaced."""
    path = path.replace("{seed}", str(seed))
    if "{directory}" not in path:
        return path
    if directory is None:
        raise SnapshotError(
            f"`{argument}` must name a run without {{directory}} where this run has no directory. "
            f"Received: {path!r}. Name the run by its path, or give this one a directory."
        )
    # In words alone: this run's directory need not be there yet, and may be a link.
    return os.path.normpath(path.replace("{directory}", os.fspath(directory)))


def check_paths(model: keras.Model, source: Snapshot, what: str) -> None:
    """Raises a `ValueError` unless a snapshot has the variables of a model, in their shapes.

    Args:
        model: a built model.
        source: the snapshot.
        what: what to call its run in messages.
    """
    shapes = {path: tuple(v.shape) for path, v in variables_by_path(model)[0].items()}
    theirs = {path: np.shape(array) for path, array in source.weights.items()}
    if shapes == theirs:
        return
    differing = [path for path in {**shapes, **theirs} if shapes.get(path) != theirs.get(path)]
    first = differing[0]
    raise ValueError(
        f"{what} must be a run of a model like this one, '{model.name}'. Received: one that "
        f"differs in {len(differing)} of {len(shapes)} variables, first in {first!r}: "
        f"{theirs.get(first, 'none')} there, {shapes.get(first, 'none')} here. Name a run of this "
        "model, or bind the settings of the model as that run had them."
    )
