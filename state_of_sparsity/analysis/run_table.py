"""One CSV file of many runs: a line a run, written as runs finish, kept when they are deleted."""

import csv
import io
import os
import pathlib
from collections.abc import Iterable, Mapping

from state_of_sparsity import atomic_write
from state_of_sparsity.analysis import results

# A kernel is written as `hidden_1/kernel:nonzero/size:inputs left>outputs left`.
_KERNELS = "kernels"


def row(run: results.Run, name: str) -> dict:
    """Returns a run as one flat line: its name, its result, and what is left of each kernel.

    Args:
        run: a finished run.
        name: what the line is found by, such as the run directory relative to its parent's.
    """
    kernels = (
        f"{k['path']}:{k['nonzero']}/{k['size']}:{k['inputs_left']}>{k['outputs_left']}"
        for k in run.layers()
    )
    return {"run": name, **run.result, _KERNELS: " ".join(kernels)}


def add(path: str | os.PathLike, rows: Iterable[Mapping]):
    """Adds lines to a table, those of runs already there in place of the old ones; atomically.

    Args:
        path: the CSV file; made if need be.
        rows: what `row` returned.
    """
    path = pathlib.Path(path)
    lines = {line["run"]: line for line in (_read_text(path) if path.exists() else [])}
    lines |= {line["run"]: line for line in rows}
    ordered = [lines[name] for name in sorted(lines)]
    columns = list(dict.fromkeys(column for line in ordered for column in line if column))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(ordered)
    atomic_write.write_text(path, text.getvalue())


def read(path: str | os.PathLike) -> list[dict]:
    """Reads a table.

    Args:
        path: the CSV file.

    Returns:
        A dict a run; numbers are int or float, empty cells None, and `kernels` is a list of dicts
        with `path`, `nonzero`, `size`, `inputs_left` and `outputs_left`.

    Raises:
        ValueError: if the file is no such table.
    """
    rows = results.read_table(path)
    if not rows or "run" not in rows[0]:
        raise ValueError(
            f"`path` must be a table of runs, with a column `run`. Received: {path}. "
            "bin/sweep.py writes one with --table."
        )
    return [{**row, _KERNELS: _kernels(row.get(_KERNELS))} for row in rows]


def _read_text(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _kernels(text):
    return [_kernel(part) for part in (text or "").split()]


def _kernel(text):
    path, weights, units = text.split(":")
    nonzero, size = map(int, weights.split("/"))
    left = [None if count == "None" else int(count) for count in units.split(">")]
    return {
        "path": path,
        "nonzero": nonzero,
        "size": size,
        "inputs_left": left[0],
        "outputs_left": left[1],
    }
