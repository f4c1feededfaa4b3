"""Reads the survey of 81 papers on pruning: what each lost in accuracy at which compression.

Reference: Blalock et al., "What is the State of Neural Network Pruning?", 2020; the table is
`analysis/assets/existing-results` of JJGO/shrinkbench.
"""

import dataclasses
import math
import os
import pathlib

from state_of_sparsity.analysis import file_text

_NAMES = ("Paper", "Dataset", "Model")
_WANTED = (
    *("Top1", "OrigTop1", "dTop1", "Err1", "OrigErr1"),
    *("MParams", "OrigMParams", "savedParams", "keptParams", "old/new Nparam"),
)


@dataclasses.dataclass(frozen=True)
class Surveyed:
    """A network of one of the papers.

    Args:
        paper: as the survey calls it.
        data_set: what it was trained on.
        model: the network.
        compression: weights before, by weights after.
        change: top-1 accuracy after less that before, in points.
    """

    paper: str
    data_set: str
    model: str
    compression: float
    change: float


def read(path: str | os.PathLike) -> list[Surveyed]:
    """Returns the networks of the survey that it gives compression and change in top-1 of.

    Args:
        path: the CSV file. Of a row the first figures that it has count: `MParams` with
            `OrigMParams`, `keptParams`, `savedParams`, `old/new Nparam`; `Top1` with `OrigTop1`,
            `Err1` with `OrigErr1`, `dTop1`.

    Raises:
        ValueError: if it cannot be read, lacks a column, or gives neither of any network.
    """
    path = pathlib.Path(path).expanduser()
    try:
        rows = file_text.read_csv(path, (*_NAMES, *_WANTED))
    except FileNotFoundError:
        raise _wrong(path, "it is not there") from None
    except ValueError as error:
        raise _wrong(path, str(error)) from None
    found = []
    for row in rows:
        figures = {name: _number(row[name]) for name in _WANTED}
        compression, change = _compression(figures), _change(figures)
        if compression > 0 and math.isfinite(compression) and math.isfinite(change):
            names = row["Paper"], row["Dataset"], row["Model"]
            found.append(Surveyed(*names, compression, change))
    if not found:
        raise _wrong(path, "it gives compression and change in accuracy of no network")
    return found


def _number(cell):
    """Returns what a cell holds, percent as such; NaN of an empty one, or of what is no number."""
    try:
        return float(cell.strip().removesuffix("%"))
    except ValueError:
        return math.nan


def _compression(row):
    kept = (
        row["MParams"] / row["OrigMParams"] if row["OrigMParams"] else math.nan,
        row["keptParams"] / 100,
        1 - row["savedParams"] / 100,
        1 / row["old/new Nparam"] if row["old/new Nparam"] else math.nan,
    )
    first = next((each for each in kept if not math.isnan(each)), 0.0)
    return 1 / first if first > 0 else math.nan


def _change(row):
    changes = (row["Top1"] - row["OrigTop1"], row["OrigErr1"] - row["Err1"], row["dTop1"])
    return next((each for each in changes if not math.isnan(each)), math.nan)


def _wrong(path, reason):
    return ValueError(
        "`survey_csv` must be the table of the survey, with the columns "
        f"{', '.join((*_NAMES, *_WANTED))}. Received: {path}: {reason}. Get it again, or leave the "
        "flag out."
    )
