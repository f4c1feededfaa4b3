"""What another run kept of a step: found, read, and fitted to the model that takes it."""

import dataclasses
import itertools
import os
import pathlib
import re

import keras
import numpy as np

from state_of_sparsity.surgery.variables_by_path import variables_by_path
from state_of_sparsity.training.runs import snapshot
from state_of_sparsity.training.runs.run_dir import LAST, RunDir
from state_of_sparsity.training.runs.snapshot import Snapshot, SnapshotError


def read(
    path: str | os.PathLike,
    seed: int,
    step: int | str,
    argument: str,
    directory: str | os.PathLike | None = None,
) -> Snapshot:
    """Returns what a run kept of a step; arguments and errors as of `locate`."""
    return snapshot.read(locate(path, seed, step, argument, directory))


def locate(
    path: str | os.PathLike,
    seed: int,
    step: int | str,
    argument: str,
    directory: str | os.PathLike | None = None,
) -> pathlib.Path:
    """Returns the file of what a run kept of a step.

    Args:
        path: its directory; `{seed}` in it stands for the seed, `{directory}` for the directory.
        seed: of the experiment that asks.
        step: a step, or "last", of a finished run.
        argument: what the directory was given as, for messages.
        directory: of the run that asks, if it has one.

    Raises:
        SnapshotError: if there is no run, it is not finished, or has not kept the step.
    """
    name = filled_in(path, seed, directory)
    if "{directory}" in name:
        raise SnapshotError(
            f"`{argument}` must name a run without {{directory}} where this run has no directory. "
            f"Received: {name!r}. Name the run by its path, or give this one a directory."
        )
    run_dir = RunDir(name)
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
        kept = run_dir.snapshot_steps()
        raise SnapshotError(
            f"`{argument}` must be a run that kept step {number}. Received: {run_dir.path}, which "
            f"has kept {', '.join(map(str, kept)) or 'none'}. Choose one of those, or train the "
            "run again in another directory, with this step in Experiment.kept_steps."
        )
    return file


def filled_in(
    path: str | os.PathLike, seed: int, directory: str | os.PathLike | None = None
) -> str:
    """Returns a path with `{seed}`, and `{directory}` where there is one, replaced.

    Args:
        path: the directory of a run.
        seed: of the experiment that asks.
        directory: of the run that asks, if it has one.
    """
    name = os.fspath(path).replace("{seed}", str(seed))
    if directory is None or "{directory}" not in name:
        return name
    # In words alone: this run's directory need not be there yet, and may be a link.
    return os.path.normpath(name.replace("{directory}", os.fspath(directory)))


def fitted(model: keras.Model, source: Snapshot, what: str) -> Snapshot:
    """Returns a snapshot by the paths of a model, which has the same variables in their shapes.

    Paths differ by the numbers alone that Keras gives layers without a name, `dense_3`, which go by
    what the process made before; then the order tells which is which.

    Args:
        model: a built model.
        source: the snapshot.
        what: what to call the snapshot's run in messages.

    Raises:
        ValueError: naming a variable that differs.
    """
    shapes = {path: tuple(v.shape) for path, v in variables_by_path(model)[0].items()}
    theirs = {path: np.shape(array) for path, array in source.weights.items()}
    if shapes == theirs:
        return source
    if _without_numbers(shapes) == _without_numbers(theirs):
        return _renamed(source, dict(zip(theirs, shapes, strict=True)))
    pairs = itertools.zip_longest(_without_numbers(theirs), _without_numbers(shapes))
    their, ours = next(pair for pair in pairs if pair[0] != pair[1])
    raise ValueError(
        f"{what} must be a run of a model like this one, '{model.name}'. Received: one that has "
        f"{_in_words(their)} where this one has {_in_words(ours)}. Name a run of this model, or "
        "bind the settings of the model as that run had them."
    )


def _in_words(variable):
    return "no variable more" if variable is None else f"'{variable[0]}' of shape {variable[1]}"


def _without_numbers(shapes):
    return [(re.sub(r"_\d+(?=/|$)", "", path), shape) for path, shape in shapes.items()]


def _renamed(source, names):
    def by_new_names(arrays):
        return {names[path]: array for path, array in arrays.items()}

    return dataclasses.replace(
        source,
        kernels=tuple(names[path] for path in source.kernels),
        fixed=tuple(names[path] for path in source.fixed),
        weights=by_new_names(source.weights),
        masks=by_new_names(source.masks),
        values=by_new_names(source.values),
    )
