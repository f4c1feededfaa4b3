"""A plot of runs of one sparsity: a row a technique, where a trade-off would be a point."""

import os
from collections.abc import Sequence

from state_of_sparsity import extras
from state_of_sparsity.analysis import metrics, plots, run_facts, words
from state_of_sparsity.analysis.results import Aggregate

with extras.explained():
    from matplotlib.figure import Figure

_NEAR = 5e-4  # of two sparsities


def fits(aggregates: Sequence[Aggregate]) -> bool:
    """Returns whether several curves have one sparsity, dense runs aside.

    Args:
        aggregates: what is to be drawn.
    """
    sparse = [a for a in aggregates if a.technique != "dense"]
    reached = [a.sparsity for a in sparse]
    several = len({a.curve for a in sparse}) > 1
    return several and max(reached) - min(reached) < _NEAR


def draw(
    aggregates: Sequence[Aggregate], metric: str, path: str | os.PathLike
) -> str | os.PathLike:
    """Draws a metric, a row a curve: a dot each run, the mean as a larger mark, the best on top.

    The dense runs are a vertical line with a band from worst to best.

    Args:
        aggregates: what to draw, dense runs included.
        metric: its key in `result.json`.
        path: the PNG file to write; SVG and PDF are written beside it.

    Returns:
        `path`.
    """
    factor = metrics.factor(metric)
    sparse = sorted((a for a in aggregates if a.technique != "dense"), key=lambda a: a.mean)
    styles = plots.curve_styles(a.curve for a in sparse)
    figure = Figure(figsize=(10, 1.6 + 0.35 * len(sparse)), layout="constrained")
    axes = figure.subplots()
    for baseline in (a for a in aggregates if a.technique == "dense"):
        axes.axvspan(baseline.min * factor, baseline.max * factor, color="0.5", alpha=0.2, lw=0)
        name = f"{plots.label(baseline.curve)} (n={baseline.n})"
        axes.axvline(baseline.mean * factor, color="0.3", linestyle="--", label=name)
    for row, aggregate in enumerate(sparse):
        color, marker = styles[aggregate.curve]
        values = [run.result[metric] * factor for run in aggregate.runs]
        ends = [aggregate.min * factor, aggregate.max * factor]
        axes.plot(ends, [row, row], color=color, linewidth=1)
        axes.scatter(values, [row] * len(values), s=14, color=color, alpha=0.6, linewidths=0)
        axes.scatter([aggregate.mean * factor], [row], s=60, color=color, marker=marker, zorder=3)
    names = [f"{plots.label(words.capital(a.curve))} (n={a.n})" for a in sparse]
    axes.set_yticks(range(len(sparse)), names)
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    shown = f"{words.capital(metrics.label(metric))} where {100 * sparse[0].sparsity:.1f} %"
    axes.set_xlabel(plots.label(f"{shown} of all weights are zero"))
    if axes.get_legend_handles_labels()[0]:
        figure.legend(loc="outside lower center", frameon=False, fontsize=9)
    plots.set_title(figure, run_facts.title(run for a in aggregates for run in a.runs))
    return plots.save(figure, path)
