"""Whether the cells of a sweep can begin: asked of all of them before the first does."""

import os
import pathlib
import traceback
from collections.abc import Sequence

from state_of_sparsity.bin import configured_experiment, gin_app, start_up
from state_of_sparsity.bin.grid import Cell
from state_of_sparsity.bin.workers import WorkerDiedError, Workers, how_it_ended
from state_of_sparsity.errors import UsageError


def check(cells: Sequence[Cell], directory: pathlib.Path, data_dir: str | None = None) -> None:
    """Raises unless all cells could begin; nothing is trained, and no data are looked for.

    A process of its own does it, which imports Keras once for all cells.

    Args:
        cells: those asked about.
        directory: the parent of their run directories.
        data_dir: where the data lies, or None.

    Raises:
        UsageError: naming the first cell that could not, and what is wrong with it.
        RuntimeError: with its traceback, for a mistake of ours.
    """
    if not cells:
        return
    found, mistake = _apart(problems, cells, directory, data_dir)
    if mistake:
        raise RuntimeError(f"The cells could not be checked.\n{mistake}")
    if found:
        name, problem = found[0]
        if len(found) == 1:
            raise UsageError(f"{name} could not begin: {problem}")
        count = f"{len(found)} of {len(cells)}"
        raise UsageError(f"{count} cells could not begin, the first {name}: {problem}")


def problems(
    cells: Sequence[Cell], directory: pathlib.Path, data_dir: str | None
) -> tuple[list[tuple[str, str]], str]:
    """Returns `(directory, what is wrong)` of each cell that could not begin, in this process.

    The second part is the traceback of a mistake of ours, empty without one.
    """
    found = []
    for cell in cells:
        try:
            gin_app.parse([cell.gin_file], cell.bindings, data_dir, directory / cell.directory)
            configured_experiment.check_values()
        except UsageError as error:
            found.append((cell.directory, str(error)))
        except Exception:
            return found, f"{cell.directory}: {traceback.format_exc()}"
    return found, ""


def _apart(function, *arguments):
    """Returns what a function returns in a process of its own."""
    try:
        with Workers(1, function, _prepare) as worker:
            ((_, result),) = worker.results([arguments])
            return result
    except WorkerDiedError as error:
        raise UsageError(
            f"The process that checks the cells {how_it_ended(error.exit_code)}. See whether this "
            "machine has the memory to import Keras, or check a cell by bin/train --dry_run."
        ) from error


def _prepare():
    """Keeps accelerators free for the runs, and the output for what was asked for."""
    os.environ |= {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    start_up.prepare()
