"""Rounds of iterative magnitude pruning as plain data: the weights left, and how good they are.

runs = rounds.read("runs/rounds")
print("\n".join(rounds.table(runs)))
"""

import math
import os
import pathlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from state_of_sparsity import atomic_write, tables
from state_of_sparsity.analysis import file_text, metrics, results
from state_of_sparsity.table_cells import csv_text

_NAME = re.compile(r"(?:(?P<branch>\w+)/)?round_(?P<number>\d+)")
_EARLY_STOP = "early_stop_"


@dataclass(frozen=True)
class Round:
    """One finished run of some rounds.

    Args:
        name: its directory in that of the rounds, such as `round_01`.
        number: of the round; 0 is the dense run.
        branch: the folder that it lies in, such as `reinitialized_1`; empty for the rounds that
            others begin from.
        run: the run.
        early_stop: where its validation loss was smallest, `{"step": ..., "val_loss": ...}` and the
            validation metrics there; empty without validation.
    """

    name: str
    number: int
    branch: str
    run: results.Run
    early_stop: dict

    @property
    def weights_left(self) -> float:
        """Fraction of the weights of all kernels that are not zero."""
        return 1 - self.run.sparsity

    def as_row(self) -> dict:
        """Returns it as one flat line: what `rounds.csv` holds."""
        result = self.run.result
        left_out = ("technique", "sparsity", "size", "nonzero")
        figures = {k: v for k, v in result.items() if k not in left_out and _is_figure(k, v)}
        return {
            "run": self.name,
            "round": self.number,
            "branch": self.branch,
            "seed": result.get("seed"),
            "weights_left": self.weights_left,
            "nonzero": result.get("nonzero"),
            "size": result.get("size"),
            "steps": result.get("steps"),
            **figures,
            **{f"{_EARLY_STOP}{key}": value for key, value in self.early_stop.items()},
        }


def read(rounds_dir: str | os.PathLike) -> list[Round]:
    """Returns the finished runs of a directory of rounds, without branches first.

    Args:
        rounds_dir: what `bin/rounds.py` wrote, finished or not.

    Raises:
        ValueError: if a run's files are damaged; the message names the run.
    """
    root, found = pathlib.Path(rounds_dir).expanduser(), []
    for path in (*root.glob("round_*"), *root.glob("*/round_*")):
        name = path.relative_to(root).as_posix()
        match = _NAME.fullmatch(name)
        if match is None or not (path / "result.json").exists():
            continue
        try:
            run, stop = results.read_run(path), early_stop(path)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        found.append(Round(name, int(match["number"]), match["branch"] or "", run, stop))
    return sorted(found, key=lambda each: (each.branch, each.number))


def early_stop(run_dir: str | os.PathLike) -> dict:
    """Returns the row of `metrics.csv` whose validation loss is smallest, the first of several.

    Args:
        run_dir: a run directory.

    Returns:
        `step`, counted from where the run began, and all of the row that begins with `val_`; empty
        if no row has a `val_loss`.

    Raises:
        ValueError: if the file cannot be read.

    Reference: Frankle and Carbin, "The Lottery Ticket Hypothesis", 2019, section 2 ("early-stopping
    iteration").
    """
    try:
        lines = file_text.read_csv(pathlib.Path(run_dir) / "metrics.csv")
    except FileNotFoundError:
        return {}
    rows = [{key: file_text.parse_cell(cell) for key, cell in line.items()} for line in lines]
    judged = [row for row in rows if _is_number(row.get("val_loss"))]
    if not judged:
        return {}
    best = min(judged, key=lambda row: row["val_loss"])
    return {k: v for k, v in best.items() if k == "step" or k.startswith("val_")}


def table(rounds: Sequence[Round]) -> list[str]:
    """Returns the lines of a table: weights left, and the metrics, at the end and where it stops.

    Args:
        rounds: what `read` returned.
    """
    if not rounds:
        return []
    metric = _metric(rounds)
    columns = {
        "weights left (%)": lambda each: _cell(100 * each.weights_left, ".2f"),
        metrics.label(metric): lambda each: _metric_cell(each.run.result, metric),
        f"validation {_words(metric)}": lambda each: _metric_cell(each.run.result, f"val_{metric}"),
        # Of its own steps, whatever step its weights and its learning rate are rewound to.
        "early stop after (steps)": lambda each: _cell(each.early_stop.get("step"), ",d"),
        f"validation {_words(metric)} there": lambda each: _metric_cell(
            each.early_stop, f"val_{metric}"
        ),
    }
    rows = [[each.name, *(cell(each) for cell in columns.values())] for each in rounds]
    kept = [n for n, column in enumerate(zip(*rows, strict=True)) if any(column)]
    header = ["run", *columns]
    return tables.aligned([[row[n] for n in kept] for row in (header, *rows)], "<>")


def write_csv(rounds: Iterable[Round], path: str | os.PathLike) -> None:
    """Writes one line a run, atomically.

    Args:
        rounds: what `read` returned.
        path: the file.
    """
    rows = [each.as_row() for each in rounds]
    columns = list(dict.fromkeys(column for row in rows for column in row))
    lines = [columns, *([row.get(column) for column in columns] for row in rows)]
    atomic_write.write_text(path, csv_text(lines))


def read_csv(path: str | os.PathLike) -> list[Round]:
    """Returns the rounds of a file that `write_csv` made, without what it does not hold.

    Args:
        path: the file.

    Raises:
        ValueError: if it is no such table.
    """
    return [_of_row(row) for row in file_text.read_csv(path, ("run", "round", "weights_left"))]


def _of_row(text):
    row = {key: file_text.parse_cell(cell) for key, cell in text.items() if cell}
    stop = {k.removeprefix(_EARLY_STOP): v for k, v in row.items() if k.startswith(_EARLY_STOP)}
    own = ("run", "round", "branch", "weights_left")
    figures = {k: v for k, v in row.items() if k not in own and not k.startswith(_EARLY_STOP)}
    result = {**figures, "technique": "fixed_mask", "sparsity": 1 - row["weights_left"]}
    run = results.Run(pathlib.Path(text["run"]), result)
    return Round(text["run"], row["round"], text["branch"], run, stop)


def _metric(rounds):
    try:
        return metrics.metric_of(each.run for each in rounds)
    except ValueError:  # without test data
        return "accuracy"


def _metric_cell(figures, key):
    factor = metrics.factor(key)
    return _cell(None if key not in figures else factor * figures[key], ".2f")


def _cell(value, style):
    return format(value, style) if _is_number(value) else ""


def _words(metric):
    return metrics.label(metric).removeprefix("test ")


def _is_figure(key, value):
    judges = key not in metrics.DESCRIPTIONS or key == "loss"
    return judges and _is_number(value)


def _is_number(value):
    return isinstance(value, int | float) and math.isfinite(value)
