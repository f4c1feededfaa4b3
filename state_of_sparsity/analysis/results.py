"""Finished runs as plain data, and their statistics over seeds."""

import collections
import csv
import json
import math
import os
import pathlib
import re
import statistics
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """One finished run.

    Args:
        path: its directory.
        result: what `result.json` holds.
        settings: lines of `config.gin`, those that set a seed left out: equal for runs that differ
            in their seed only.
    """

    path: pathlib.Path
    result: dict
    settings: tuple[str, ...] = ()

    @property
    def technique(self) -> str:
        """Name of the technique; `dense` for none."""
        return self.result["technique"]

    @property
    def sparsity(self) -> float:
        """Fraction of zeros that was reached, measured over all kernels."""
        return self.result["sparsity"]

    @property
    def target_sparsity(self) -> float | None:
        """Sparsity that was asked for; None where a penalty decides it."""
        return self.result.get("target_sparsity")

    def layers(self) -> list[dict]:
        """Returns the rows of `report.csv`: one kernel each, `[]` if there is no such file."""
        path = self.path / "report.csv"
        return read_table(path) if path.exists() else []


@dataclass(frozen=True)
class Aggregate:
    """Runs that differ in their seed only, and the statistics of one metric over them.

    Args:
        technique: name of the technique.
        target_sparsity: what was asked for, or None.
        setting: what tells these runs from others of the technique, such as `WEIGHT = 0.1`.
        runs: the runs.
        sparsity: mean of the sparsities measured.
        mean, min, max: of the metric.
        std: sample standard deviation; NaN for a single run.
    """

    technique: str
    target_sparsity: float | None
    setting: str
    runs: tuple[Run, ...]
    sparsity: float
    mean: float
    min: float
    max: float
    std: float

    @property
    def n(self) -> int:
        """Number of runs."""
        return len(self.runs)


def read_runs(run_dirs: Iterable[str | os.PathLike]) -> tuple[list[Run], dict[pathlib.Path, str]]:
    """Reads run directories.

    Args:
        run_dirs: directories that `bin/train.py` wrote.

    Returns:
        The finished runs, and why each of the others is none: `{directory: reason}`.
    """
    runs, others = [], {}
    for run_dir in map(pathlib.Path, run_dirs):
        try:
            runs.append(read_run(run_dir))
        except ValueError as error:
            others[run_dir] = str(error)
    return runs, others


def read_run(run_dir: str | os.PathLike) -> Run:
    """Reads one run directory.

    Args:
        run_dir: a directory with a `result.json` and, if it can be had, a `config.gin`.

    Raises:
        ValueError: if the run is not finished, or its result cannot be used; the message is the
            reason.
    """
    path = pathlib.Path(run_dir)
    if not path.is_dir():
        raise ValueError("no such directory")
    try:
        result = json.loads((path / "result.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError("not finished: no result.json") from None
    except ValueError as error:
        raise ValueError(f"result.json cannot be read: {error}") from None
    for key in ("technique", "sparsity"):
        if not isinstance(result, dict) or result.get(key) is None:
            raise ValueError(f"result.json has no {key}")
    broken = [key for key, value in result.items() if isinstance(value, float) and value != value]
    if broken:
        raise ValueError(f"failed: {', '.join(broken)} is NaN")
    config = path / "config.gin"
    text = config.read_text(encoding="utf-8") if config.exists() else ""
    return Run(path, result, _settings(text))


def read_table(path: str | os.PathLike) -> list[dict]:
    """Reads a CSV file such as `metrics.csv` or `report.csv`.

    Args:
        path: the file.

    Returns:
        A dict a row; numbers are int or float, empty cells None.
    """
    with open(path, newline="", encoding="utf-8") as file:
        return [
            {key: parse_cell(cell) for key, cell in row.items()} for row in csv.DictReader(file)
        ]


def aggregate(runs: Iterable[Run], metric: str) -> list[Aggregate]:
    """Returns the statistics of a metric over runs that differ in their seed only.

    Args:
        runs: finished runs.
        metric: its key in `result.json`.

    Returns:
        One entry for each technique, target sparsity and setting; dense first, then by technique
        and sparsity.
    """
    groups = collections.defaultdict(list)
    for run in runs:
        groups[run.technique, run.target_sparsity, run.settings].append(run)
    table = []
    for (technique, target, settings), members in groups.items():
        values = [run.result[metric] for run in members]
        table.append(
            Aggregate(
                technique=technique,
                target_sparsity=target,
                setting=_difference(settings, target, [k[2] for k in groups if k[0] == technique]),
                runs=tuple(members),
                sparsity=statistics.fmean(run.sparsity for run in members),
                mean=statistics.fmean(values),
                min=min(values),
                max=max(values),
                std=statistics.stdev(values) if len(values) > 1 else math.nan,
            )
        )
    return sorted(table, key=lambda a: (a.technique != "dense", a.technique, a.sparsity, a.setting))


def _settings(config):
    """Returns the lines of a gin file that set something, continued lines joined."""
    lines = re.sub(r"\\?\n[ \t]+", " ", config).splitlines()
    pairs = [re.sub(r"\s+", " ", line.strip()) for line in lines if " = " in line]
    seeds = re.compile(r"(?i)(.*[./_])?seed = ")
    return tuple(sorted({p for p in pairs if not p.startswith("#") and not seeds.match(p)}))


def _difference(settings, target, others):
    """Returns the settings that not all of a technique's runs have, but for the target's own."""
    common = set.intersection(*map(set, others))
    own = [s for s in settings if s not in common and parse_cell(s.split(" = ")[1]) != target]
    return ", ".join(own)


def parse_cell(cell):
    """Returns the cell of a CSV file as int or float if it is one, None if it is empty."""
    for kind in (int, float):
        try:
            return kind(cell)
        except (TypeError, ValueError):
            continue
    return cell or None
