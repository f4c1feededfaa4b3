"""The table of runs that a scaling law is fitted to."""

import math
import os
import pathlib

import numpy as np

from state_of_sparsity.analysis import file_text
from state_of_sparsity.analysis.scaling_law import Runs

# What either column counts, and how many of it are one unit of the law: those of the released fits.
DATA: dict[str, tuple[float, str]] = {
    "examples": (1e9, "billions of examples"),
    "steps": (1e5, "100,000 steps"),
}
SIZES = ("nonzero", "size")
_MILLION = 1e6
_DIFFERENT = 3  # fewer leave a coefficient open
_COLUMNS = "`sparsity`, `nonzero` or `size`, `steps` or `examples`, and `loss`"
_COEFFICIENTS = 7


def read(path: str | os.PathLike) -> Runs:
    """Returns the runs of a CSV file, a run a line; other columns are passed over.

    The table of `bin/sweep` is one.

    Args:
        path: the file. Its columns: `sparsity`, the fraction of zeros; `nonzero`, weights that are
            not zero, or else `size`, those of the network while dense; `examples`, or else `steps`,
            that the run was trained for; `loss`, what it reached.

    Raises:
        ValueError: if it cannot be read, lacks a column, has a cell that is no number or not in
            range, too little to determine a law, or steps of unequal batches.
    """
    path = pathlib.Path(path).expanduser()
    try:
        lines = file_text.read_csv(path)
    except FileNotFoundError:
        raise ValueError(
            f"`scaling_law` must be a CSV file of runs. Received: {path}, which is not there."
        ) from None
    except ValueError as error:
        raise _wrong(path, str(error), "Mend it, or name another file") from None
    if len(lines) <= _COEFFICIENTS:
        reason = f"it has {len(lines)} runs, and the law {_COEFFICIENTS} coefficients"
        raise _wrong(path, reason, f"Add runs, to {_COEFFICIENTS + 1} at least")
    size, data = _column(path, lines[0], SIZES), _column(path, lines[0], tuple(DATA))
    batches = sorted({line["batch_size"] for line in lines if line.get("batch_size")})
    if data == "steps" and len(batches) > 1:
        reason = f"it has steps of unequal batches, {batches}"
        raise _wrong(path, reason, "Add a column `examples`, steps times batch_size")
    cells = {}
    for name in ("sparsity", size, data, "loss"):
        _column(path, lines[0], (name,))
        values = [_number(path, row, name, line[name]) for row, line in enumerate(lines, start=1)]
        cells[name] = np.array(values)
    dense = 1.0 if size == "nonzero" else 1 - cells["sparsity"]
    unit, words = DATA[data]
    runs = Runs(
        sparsity=cells["sparsity"],
        nonzero=cells[size] * dense / _MILLION,
        data=cells[data] / unit,
        loss=cells["loss"],
        unit=words,
    )
    _check_determined(path, runs)
    return runs


def _column(path, header, names):
    """Returns the first of the names that the table has a column of."""
    for name in names:
        if name in header:
            return name
    words = " or ".join(names)
    raise _wrong(path, f"it has no column {words}", "Add it, or rename the one that is it")


def _number(path, row, name, cell):
    """Returns a cell's number, which must be above 0; a sparsity from 0 to below 1."""
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    is_in_range = 0 <= value < 1 if name == "sparsity" else 0 < value < math.inf
    if not is_in_range:
        allowed = "from 0 to below 1" if name == "sparsity" else "a number above 0"
        reason = f"`{name}` of run {row} must be {allowed} and is {cell[:40]!r}"
        raise _wrong(path, reason, "Mend it, or take the run out")
    return value


def _check_determined(path, runs):
    dense = runs.nonzero / (1 - runs.sparsity)
    different = {
        "sparsities": len(runs.sparsities),
        "numbers of nonzero weights": _different(runs.nonzero),
        "sizes of the dense network": _different(dense),
        "amounts of data": _different(runs.data),
    }
    for name, count in different.items():
        if count < _DIFFERENT:
            reason = f"its runs have too few {name}, {count} different"
            raise _wrong(path, reason, f"Add runs, for {_DIFFERENT} or more")


def _different(values):
    return len(set(np.round(np.log(values), 2).tolist()))


def _wrong(path, reason, remedy):
    return ValueError(
        f"`scaling_law` must be a CSV file of runs with the columns {_COLUMNS}. "
        f"Received: {path}: {reason}. {remedy}."
    )
