"""Every setting, and every run, of a report."""

import pathlib
from collections.abc import Mapping, Sequence

from state_of_sparsity import extras
from state_of_sparsity.analysis import metrics, run_facts
from state_of_sparsity.analysis.markdown import percent
from state_of_sparsity.analysis.results import Aggregate, Run
from state_of_sparsity.analysis.run_report.by_sparsity import mean
from state_of_sparsity.analysis.run_report.section import Section
from state_of_sparsity.analysis.words import capital

with extras.explained():
    import pandas as pd


def settings(aggregates: Sequence[Aggregate], metric: str) -> Section:
    """Returns a row a setting: what was reached, and how much seeds differ.

    Args:
        aggregates: statistics over seeds.
        metric: key of the metric.
    """
    factor = metrics.factor(metric)
    rows = [
        {
            "Technique": a.curve,
            "Setting": a.setting or None,
            "Target": percent(a.target_sparsity, 1),
            "Sparsity reached": percent(a.sparsity),
            "Seeds": a.n,
            "Mean ± std": mean(a, metric),
            "Range": f"{a.min * factor:.2f} to {a.max * factor:.2f}",
        }
        for a in aggregates
    ]
    return Section("Every setting", table=pd.DataFrame(rows))


def runs(
    found: Sequence[Run], aggregates: Sequence[Aggregate], metric: str, root: pathlib.Path
) -> Section:
    """Returns a row a run.

    Args:
        found: the runs.
        aggregates: their statistics over seeds.
        metric: key of the metric.
        root: the directory that all lie in.
    """
    curves = {run.path: a.curve for a in aggregates for run in a.runs}
    differing = run_facts.differing(found, ("optimizer", "learning_rate", "batch_size"))
    rows = [
        {
            "Run": name(run.path, root),
            "Technique": curves[run.path],
            "Target": percent(run.target_sparsity, 1),
            "Sparsity": percent(run.sparsity),
            capital(metrics.label(metric)): f"{run.result[metric] * metrics.factor(metric):.2f}",
            **{run_facts.name(key): run_facts.shown(run, key) for key in differing},
            "Seed": run.result.get("seed"),
            "Steps": run.result.get("steps"),
            "Wall time (s)": _seconds(run.result.get("wall_time_s")),
            "Configuration": run.result.get("config_hash"),
        }
        for run in found
    ]
    return Section("Every run", table=pd.DataFrame(rows, dtype=object))


def others(reasons: Mapping[pathlib.Path, str], root: pathlib.Path) -> Section | None:
    """Returns the runs that are not counted, with why; None of none."""
    rows = [{"Run": name(path, root), "Why": reason} for path, reason in reasons.items()]
    return Section("Not finished or failed", table=pd.DataFrame(rows)) if rows else None


def name(path: pathlib.Path, root: pathlib.Path) -> str:
    """Returns what a run is called: its directory within that of all."""
    return str(path.absolute().relative_to(root))


def _seconds(value):
    return None if value is None else f"{value:.1f}"
