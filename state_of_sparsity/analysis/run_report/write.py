"""`write_report`: a report with plots on a set of runs, in Markdown and as one HTML page."""

import functools
import os
import pathlib
from collections.abc import Callable, Iterable

from state_of_sparsity import atomic_write
from state_of_sparsity.analysis import metrics, one_sparsity_plot, plots, results, run_facts
from state_of_sparsity.analysis.run_report import (
    by_sparsity,
    charts,
    cost,
    every,
    html_page,
    layers,
    markdown_page,
    ranking,
    sensitivity,
)
from state_of_sparsity.analysis.run_report.section import Section

_NAME = "Report on"
TITLE = f"# {_NAME}"  # what the page begins with
_REASONS = 3  # in a message; the report lists all


def write_report(
    run_dirs: Iterable[str | os.PathLike],
    output_dir: str | os.PathLike,
    metric: str | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> pathlib.Path:
    """Writes `report.md`, its plots, each as PNG, SVG and PDF, and `report.html` on a set of runs.

    The HTML page stands alone: all it shows is in it, and nothing is fetched to view it.

    Args:
        run_dirs: run directories. Those that are not finished, failed, or cannot be read are
            listed as such.
        output_dir: the directory to write to; made if need be.
        metric: key in `result.json` of the metric, of which more is better; the first that more
            than half of the runs have if `None`. Runs without it are listed as failed.
        tell: called with a line on each run that is not counted.

    Returns:
        Path of the report in Markdown.

    Raises:
        ValueError: if no run can be used, the runs share no metric, or `metric` is a loss or error.
    """
    run_dirs, output_dir = sorted(map(pathlib.Path, run_dirs)), pathlib.Path(output_dir)
    runs, others = results.read_runs(run_dirs)
    _check_some(runs, others)
    metric = metric or metrics.metric_of(runs)
    if metrics.is_less_better(metric):
        raise ValueError(
            "`metric` must be one of which more is better. "
            f"Received: {metric!r}, a loss or an error."
        )
    others |= {r.path: f"result.json has no {metric}" for r in runs if metric not in r.result}
    runs = [run for run in runs if metric in run.result]
    _check_some(runs, others)
    for path, reason in others.items():
        tell(f"Not counted: {path}: {reason}")
    aggregates = results.aggregate(runs, metric)
    root = pathlib.Path(os.path.commonpath([path.absolute().parent for path in run_dirs]))
    found = [
        by_sparsity.section(aggregates, metric),
        ranking.section(aggregates, metric),
        ranking.frontier(aggregates, metric),
        *_plots(aggregates, metric, output_dir),
        cost.section(aggregates),
        every.settings(aggregates, metric),
        every.runs(runs, aggregates, metric, root),
        every.others(others, root),
    ]
    sections = [section for section in found if section is not None]
    title = f"{_NAME} {_runs(len(runs))}"
    head = _head(runs, others, metric)
    path = output_dir / "report.md"
    html = html_page.page(title, head, sections)
    atomic_write.write_text(path.with_suffix(".html"), html)
    atomic_write.write_text(path, markdown_page.page(title, head, sections))
    return path


def _check_some(runs, others):
    if not runs:
        reasons = [f"{path}: {reason}" for path, reason in list(others.items())[:_REASONS]]
        more = ["..."] if len(others) > _REASONS else []
        raise ValueError(
            f"`run_dirs` must hold a finished run that can be used. Received: {len(others)}. "
            + "; ".join([*reasons, *more])
        )


def _head(runs, others, metric):
    parts = [f"Metric: {metrics.label(metric)}, of which more is better.", run_facts.facts(runs)]
    if others:
        parts.append(
            f"Not counted: {_runs(len(others))} not finished or failed, listed at the end."
        )
    return " ".join(part for part in parts if part)


def _plots(aggregates, metric, output_dir):
    """Draws what can be drawn, and yields its sections."""
    if one_sparsity_plot.fits(aggregates):
        one_sparsity_plot.draw(aggregates, metric, output_dir / "trade_off.png")
        told = "A row a technique. Dots are runs, large marks means over seeds, boxes quartiles."
        chart = functools.partial(charts.sensitivity, sensitivity.in_one(aggregates), metric)
    else:
        plots.trade_off(aggregates, metric, output_dir / "trade_off.png")
        told = "Lines join means over seeds, bars go from worst to best seed, dots are runs."
        chart = functools.partial(charts.trade_off, aggregates, metric)
    yield Section("Trade-off", told, picture="trade_off", chart=chart)
    by_setting = sensitivity.groups(aggregates)
    if by_setting:
        sensitivity.draw(by_setting, metric, output_dir / "sensitivity.png")
        told = "All runs of a technique at a sparsity, whatever their settings: median, quartiles, "
        chart = functools.partial(charts.sensitivity, by_setting, metric)
        yield Section(
            "Sensitivity to settings", f"{told}worst and best.", picture="sensitivity", chart=chart
        )
    by_layer = layers.rows(aggregates)
    if by_layer:
        title = run_facts.title(run for a in aggregates for run in a.runs)
        plots.sparsity_by_layer(by_layer, output_dir / "sparsity_by_layer.png", title)
        told = (
            "Of each technique the setting nearest to a sparsity that all come near to: means over "
            "seeds, bars from the least to the most."
        )
        chart = functools.partial(charts.sparsity_by_layer, by_layer)
        yield Section("Sparsity by layer", told, picture="sparsity_by_layer", chart=chart)


def _runs(count):
    return f"{count} run" + ("s" if count != 1 else "")
