"""Finished runs as plain data, and their statistics over seeds."""

import collections
import dataclasses
import math
import os
import pathlib
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from state_of_sparsity.analysis import run_files, run_settings, words


@dataclass(frozen=True)
class Run:
    """One finished run.

    Args:
        path: its directory.
        result: what `result.json` holds.
        settings: what its configuration sets, `{name: JSON value}`, seeds left out: equal for runs
            that differ in their seed only.
    """

    path: pathlib.Path
    result: dict
    settings: dict = field(default_factory=dict)

    @property
    def technique(self) -> str:
        """Name of the technique; `dense` for none."""
        return self.result["technique"]

    @property
    def distribution(self) -> str | None:
        """How zeros are shared among kernels; None without a choice, or not recorded."""
        return self.result.get("distribution")

    @property
    def start(self) -> str | None:
        """Where it began, such as `lottery_ticket`; None with weights and masks of its own."""
        return self.result.get("start")

    @property
    def sparsity(self) -> float:
        """Fraction of zeros that was reached, measured over all kernels."""
        return self.result["sparsity"]

    @property
    def target_sparsity(self) -> float | None:
        """Sparsity that was asked for; None where a penalty decides it."""
        return self.result.get("target_sparsity")

    @property
    def task(self) -> tuple[str, ...]:
        """Model and data set, those of them that were recorded."""
        names = (self.result.get("model"), self.result.get("data_set"))
        return tuple(name for name in names if name)

    def layers(self) -> list[dict]:
        """Returns the rows of `report.csv`: one kernel each, `[]` if there is no such file."""
        return run_files.read_layers(self.path)


@dataclass(frozen=True)
class Aggregate:
    """Runs that differ in their seed only, and the statistics of one metric over their seeds.

    Runs of one seed are repeats, and count once, with their mean; one that did not record its seed
    counts as itself.

    Args:
        technique: name of the technique.
        curve: what it is called in words, with distribution, and with model and data set where
            there are several; aggregates of one curve differ in sparsity and settings.
        target_sparsity: what was asked for, or None.
        setting: what tells these runs from others of the curve, such as `WEIGHT = 0.1`.
        runs: the runs.
        sparsity: mean of the sparsities measured.
        mean, min, max: of the metric.
        std: sample standard deviation; NaN for a single seed.
    """

    technique: str
    curve: str
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
        """Number of seeds."""
        return len(_by_seed(self.runs))


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
    """Reads one run directory, and checks all that is read.

    Args:
        run_dir: a directory with a `result.json` and, if they can be had, a `report.csv` and, of
            runs whose result has no settings, a `config.gin`.

    Raises:
        ValueError: if the run is not finished, or one of its files cannot be used; the message is
            the reason and names the file.
    """
    path = pathlib.Path(run_dir)
    if not os.path.isdir(path):
        raise ValueError("no such directory")
    result = run_files.read_result(path)
    found = result.get("settings")
    if found is None:
        found = run_settings.of_gin_text(run_files.read_config(path))
    run_files.read_layers(path)
    return Run(path, result, run_settings.without_seeds(found))


def aggregate(runs: Iterable[Run], metric: str) -> list[Aggregate]:
    """Returns the statistics of a metric over runs that differ in their seed only.

    Args:
        runs: finished runs.
        metric: its key in `result.json`.

    Returns:
        One entry for each curve, target sparsity and setting; dense first, then by curve and
        sparsity.
    """
    runs = list(runs)
    tasks = {run.task for run in runs}
    targets = _targets(runs)
    curves, groups = collections.defaultdict(list), collections.defaultdict(list)
    for run in runs:
        curves[_curve(run)].append(run)
        groups[_curve(run), targets[run.path], run_settings.as_text(run.settings)].append(run)
    names = collections.defaultdict(set)
    for (*kind, name), _ in curves.items():
        names[tuple(kind)].add(name)
    table = []
    for (curve, target, _), members in groups.items():
        run, others = members[0], [other.settings for other in curves[curve]]
        title = _title(run, tasks, several_names=len(names[curve[:-1]]) > 1)
        found = statistics_of(members, metric, title, _setting(run, others))
        table.append(dataclasses.replace(found, target_sparsity=target))
    return sorted(table, key=lambda a: (a.technique != "dense", a.curve, a.sparsity, a.setting))


def statistics_of(runs: Sequence[Run], metric: str, curve: str, setting: str) -> Aggregate:
    """Returns the `Aggregate` of runs that differ in their seed only; arguments as its own."""
    values = [statistics.fmean(run.result[metric] for run in repeats) for repeats in _by_seed(runs)]
    return Aggregate(
        technique=runs[0].technique,
        curve=curve,
        target_sparsity=runs[0].target_sparsity,
        setting=setting,
        runs=tuple(runs),
        sparsity=statistics.fmean(run.sparsity for run in runs),
        mean=statistics.fmean(values),
        min=min(values),
        max=max(values),
        std=statistics.stdev(values) if len(values) > 1 else math.nan,
    )


def _by_seed(runs):
    """Returns the runs of each seed."""
    found = collections.defaultdict(list)
    for run in runs:
        seed = run.result.get("seed")
        found[run.path if seed is None else seed].append(run)
    return list(found.values())


def _targets(runs):
    """Returns what each run was asked for, by its path.

    Fixed masks have the sparsity they have, and say it to three digits: it is the one that another
    run was asked for, if just one has these digits. None was asked for where seeds of one setting
    differ: their masks are of a technique that learns its sparsity.
    """
    asked = collections.defaultdict(set)
    for run in runs:
        if run.technique != "fixed_mask" and run.target_sparsity is not None:
            asked[round(run.target_sparsity, 3)].add(run.target_sparsity)
    found, own = {}, collections.defaultdict(list)
    for run in runs:
        near = asked[run.target_sparsity] if run.technique == "fixed_mask" else ()
        found[run.path] = next(iter(near)) if len(near) == 1 else run.target_sparsity
        if run.technique == "fixed_mask":
            own[_curve(run), run_settings.as_text(run.settings)].append(run)
    for members in own.values():
        if len({run.target_sparsity for run in members}) > 1:
            found.update(dict.fromkeys(run.path for run in members))
    return found


def _curve(run):
    """Returns what runs of one curve share; the last is what a run with a start was named."""
    name = run.result.get("name") if run.start else None
    return run.technique, run.distribution, run.start, run.task, name


def _title(run, tasks, several_names):
    """Returns what a run is called among runs of some tasks, of one or several names."""
    title = words.technique(run.technique, run.distribution, run.start)
    told = [run.result.get("name") or "no name"] if several_names else []
    if len(tasks) > 1:
        told.append(", ".join(map(words.words, run.task)) or "not recorded")
    return f"{title} ({', '.join(told)})" if told else title


def _setting(run, others):
    """Returns the settings that not all runs of a curve have, but for the target's own."""
    found = run_settings.differences(run.settings, others)
    target = run.target_sparsity
    return run_settings.in_words({k: v for k, v in found.items() if v != target or v is None})
