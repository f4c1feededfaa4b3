"""How much the metric of a technique depends on its settings: a box over all runs of a sparsity."""

import os
from collections.abc import Sequence

from state_of_sparsity import extras
from state_of_sparsity.analysis import metrics, plots, run_facts, words
from state_of_sparsity.analysis.comparison import asked_for, is_at
from state_of_sparsity.analysis.markdown import percents
from state_of_sparsity.analysis.results import Aggregate

with extras.explained():
    from matplotlib.figure import Figure


def groups(aggregates: Sequence[Aggregate]) -> dict[float, dict[str, list[Aggregate]]]:
    """Returns by sparsity and curve the settings that were tried, where one has several.

    Args:
        aggregates: statistics over seeds.
    """
    sparse = [a for a in aggregates if a.technique != "dense"]
    found = {}
    for sparsity in asked_for(sparse):
        at = [a for a in sparse if is_at(a, sparsity)]
        curves = {a.curve: [b for b in at if b.curve == a.curve] for a in at}
        if any(len(settings) > 1 for settings in curves.values()):
            found[sparsity] = curves
    return found


def in_one(aggregates: Sequence[Aggregate]) -> dict[float, dict[str, list[Aggregate]]]:
    """Returns the same of runs that all have one sparsity, dense ones aside."""
    sparse = [a for a in aggregates if a.technique != "dense"]
    curves = dict.fromkeys(a.curve for a in sparse)
    return {
        sparse[0].sparsity: {curve: [a for a in sparse if a.curve == curve] for curve in curves}
    }


def values(settings: Sequence[Aggregate], metric: str) -> list[float]:
    """Returns the metric of every run, as it is shown."""
    factor = metrics.factor(metric)
    return [run.result[metric] * factor for a in settings for run in a.runs]


def draw(
    found: dict[float, dict[str, list[Aggregate]]], metric: str, path: str | os.PathLike
) -> str | os.PathLike:
    """Draws a panel a sparsity, a box a curve: quartiles and median, whiskers to worst and best.

    Args:
        found: what `groups` returned.
        metric: its key in `result.json`.
        path: the PNG file to write; SVG and PDF are written beside it.

    Returns:
        `path`.
    """
    most = max(map(len, found.values()))
    figure = Figure(figsize=(10, len(found) * (0.9 + 0.35 * most) + 0.5), layout="constrained")
    panels = figure.subplots(len(found), squeeze=False)[:, 0]
    styles = plots.curve_styles(curve for curves in found.values() for curve in curves)
    names = percents(found)
    for axes, (sparsity, curves) in zip(panels, found.items(), strict=True):
        _draw_panel(axes, curves, metric, styles)
        axes.set_title(f"Sparsity {names[sparsity]}", fontsize=10, loc="left")
    panels[-1].set_xlabel(plots.label(words.capital(metrics.label(metric))))
    settings = (a for curves in found.values() for own in curves.values() for a in own)
    plots.set_title(figure, run_facts.title(run for a in settings for run in a.runs))
    return plots.save(figure, path)


def _draw_panel(axes, curves, metric, styles):
    names = sorted(curves, reverse=True)
    data = [values(curves[name], metric) for name in names]
    drawn = axes.boxplot(
        data, orientation="horizontal", whis=(0, 100), widths=0.6, patch_artist=True
    )
    labels = []
    for place, (name, own) in enumerate(zip(names, data, strict=True)):
        color = styles[name][0]
        drawn["boxes"][place].set(facecolor=color, alpha=0.35)
        drawn["medians"][place].set(color="black")
        axes.scatter(own, [place + 1] * len(own), s=10, color=color)
        counts = f"{_count(len(curves[name]), 'setting')}, {_count(len(own), 'run')}"
        labels.append(f"{plots.label(words.capital(name))}\n({counts})")
    axes.set_yticks(range(1, len(names) + 1), labels, fontsize=8)
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _count(number, name):
    return f"{number} {name}{'s'[: number != 1]}"
