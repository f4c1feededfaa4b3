"""The study's figures, drawn from its own numbers, and one's own runs over them."""

import os
import statistics
from collections.abc import Iterable, Sequence

from state_of_sparsity import extras
from state_of_sparsity.analysis import metrics, plots
from state_of_sparsity.analysis.published.point import Paper, Published
from state_of_sparsity.analysis.published.study_csv import Repeats, StudyRuns
from state_of_sparsity.analysis.results import Aggregate

with extras.explained():
    from matplotlib.figure import Figure

# Reached by a penalty, at no sparsity that was asked for: their frontier is drawn.
PENALIZED = ("Variational dropout", "L0 regularization")
_PRUNED = "Magnitude pruning"
_SHOWN = (0.45, 0.985)  # of frontiers: where the study's other points are
_MARKS = (("#D55E00", "s"), ("#009E73", "^"), ("#CC79A7", "D"), ("#E69F00", "v"))
Path = str | os.PathLike


def trade_off(
    paper: Paper, runs: StudyRuns | None, own: Sequence[Aggregate], metric: str, path: Path
) -> None:
    """Draws the best of each technique against sparsity, of the study and of one's own runs.

    Args:
        paper: the numbers that the study lists.
        runs: the study's own files, if they are there: of penalties, whose sparsity is whatever
            it is, the configurations that none beats are drawn in place of those listed.
        own: one's own runs.
        metric: their metric.
        path: the PNG file to write; SVG and PDF are written beside it.
    """
    figure, axes = _new()
    sparsities: list[float] = []
    techniques = list(dict.fromkeys(point.technique for point in paper.study))
    for technique, (color, marker) in plots.curve_styles(techniques).items():
        frontier = runs.frontier(technique) if runs and technique in PENALIZED else []
        low, high = _SHOWN
        line = [point for point in frontier if low <= point[0] <= high]
        size = 2 if line else 5
        line = line or _best(paper, runs, technique)
        _line(axes, line, f"{technique}, the study", color, marker, markersize=size)
        sparsities += [sparsity for sparsity, _ in line]
    _finish(figure, axes, paper, (*sparsities, *_draw_own(axes, own, metric)), path)


def later(paper: Paper, own: Sequence[Aggregate], metric: str, path: Path) -> None:
    """Draws what later papers reached as open marks, with what their training took.

    Args:
        paper: the numbers.
        own: one's own runs.
        metric: their metric.
        path: the PNG file to write; SVG and PDF are written beside it.
    """
    figure, axes = _new(height=7.5)
    pruned = [(p.sparsity, p.value) for p in paper.study if p.technique == _PRUNED]
    _line(axes, pruned, f"{_PRUNED}, the study (102 epochs)", "#0072B2", "o")
    groups = _by_technique(paper.later)
    for technique, (color, marker) in plots.curve_styles(groups).items():
        points = groups[technique]
        x, y = [p.sparsity for p in points], [p.value for p in points]
        name = f"{technique} ({_cost_of(points)})"
        style = {"facecolors": "none", "edgecolors": color, "linewidths": 1.3, "zorder": 3}
        axes.scatter(x, y, s=42, marker=marker, label=name, **style)
    sparsities = [p.sparsity for p in paper.later]
    _finish(figure, axes, paper, (*sparsities, *_draw_own(axes, own, metric)), path)


def repeated(
    paper: Paper,
    repeats: Iterable[Repeats],
    own: Sequence[Aggregate],
    metric: str,
    path: Path,
) -> None:
    """Draws means of repeated runs from masks, with bars from worst to best, beside pruning.

    Args:
        paper: the numbers that the study lists.
        repeats: what to draw.
        own: one's own runs that began from masks.
        metric: their metric.
        path: the PNG file to write; SVG and PDF are written beside it.
    """
    figure, axes = _new()
    pruned = [(p.sparsity, p.value) for p in paper.study if p.technique == _PRUNED]
    _line(axes, pruned, f"{_PRUNED}, the study's best", "#0072B2", "o")
    names = list(dict.fromkeys(each.name for each in repeats))
    for name, (color, marker) in zip(names, _MARKS, strict=False):
        points = sorted((r for r in repeats if r.name == name), key=lambda r: r.sparsity)
        means = [each.mean for each in points]
        bars = [
            [each.mean - min(each.values) for each in points],
            [max(each.values) - each.mean for each in points],
        ]
        axes.errorbar(
            [each.sparsity for each in points],
            means,
            yerr=bars,
            color=color,
            marker=marker,
            capsize=3,
            markersize=5,
            label=plots.label(f"{name}, the study"),
        )
    sparsities = [sparsity for sparsity, _ in pruned]
    _finish(figure, axes, paper, (*sparsities, *_draw_own(axes, own, metric)), path)


def sensitivity(paper: Paper, values: dict[str, dict[float, Sequence[float]]], path: Path) -> None:
    """Draws a box for all configurations of a technique at a sparsity: how much settings matter.

    Boxes go from the first to the third quartile, whiskers from the worst to the best.

    Args:
        paper: whose they are.
        values: by technique and sparsity.
        path: the PNG file to write; SVG and PDF are written beside it.
    """
    figure = Figure(figsize=(10, 5), layout="constrained")
    panels = figure.subplots(1, len(values), sharey=True, squeeze=False)[0]
    for axes, (technique, by_sparsity) in zip(panels, values.items(), strict=True):
        boxes = []
        for sparsity, found in by_sparsity.items():
            low, first, middle, third, high = five_numbers(found)
            box = {"whislo": low, "q1": first, "med": middle, "q3": third, "whishi": high}
            boxes.append({**box, "label": f"{100 * sparsity:g} %\n(n={len(found)})"})
        axes.bxp(boxes, showfliers=False, medianprops={"color": "#D55E00"})
        axes.set_title(technique, fontsize=10)
        axes.grid(axis="y", color="0.9")
        axes.set_axisbelow(True)
    panels[0].set_ylabel(plots.label(paper.metric))
    plots.set_title(figure, f"{paper.model}: every configuration of the study")
    plots.save(figure, path)


def five_numbers(values: Sequence[float]) -> tuple[float, float, float, float, float]:
    """Returns the least value, the quartiles and the greatest; all equal where there is one.

    Example:

    >>> five_numbers([1.0, 2.0, 3.0, 4.0, 5.0])
    (1.0, 1.5, 3.0, 4.5, 5.0)
    """
    if len(values) < 2:
        return (values[0],) * 5
    first, middle, third = statistics.quantiles(values, n=4)
    return min(values), first, middle, third, max(values)


def _best(paper, runs, technique):
    """Returns the best of the files at each sparsity that the study lists, or what it lists."""
    points = []
    for each in (point for point in paper.study if point.technique == technique):
        best = runs.best(technique, each.sparsity) if runs else None
        points.append((best.sparsity, best.value) if best else (each.sparsity, each.value))
    return points


def _new(height=5.5):
    figure = Figure(figsize=(10, height), layout="constrained")
    return figure, figure.subplots()


def _line(axes, points, name, color, marker, **style):
    x, y = zip(*sorted(points), strict=True)
    style = {"markersize": 5, **style}
    axes.plot(x, y, color=color, marker=marker, label=plots.label(name), **style)


def _draw_own(axes, own, metric):
    """Draws one's own runs, dashed with filled marks; returns their sparsities."""
    sparse = [a for a in own if a.technique != "dense"]
    factor = metrics.factor(metric)
    for dense in (a for a in own if a.technique == "dense"):
        axes.axhline(dense.mean * factor, color="#000000", linestyle=":", label="Dense, here")
    styles = plots.curve_styles(a.curve for a in sparse)
    for curve, (color, marker) in styles.items():
        points = sorted((a for a in sparse if a.curve == curve), key=lambda a: a.sparsity)
        style = {"color": color, "marker": marker, "linestyle": "--", "linewidth": 2}
        plots.draw_curve(axes, points, plots.label(f"{curve}, here"), metric, **style)
    return [run.sparsity for a in sparse for run in a.runs]


def _finish(figure, axes, paper, sparsities, path):
    mean = statistics.fmean(paper.dense)
    axes.axhspan(min(paper.dense), max(paper.dense), color="0.5", alpha=0.2, lw=0)
    name = f"Dense, the study (n={len(paper.dense)})"
    axes.axhline(mean, color="0.3", linestyle="--", linewidth=1, label=name)
    plots.sparsity_axis(axes, sparsities)
    axes.set_ylabel(plots.label(paper.metric))
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    plots.set_title(figure, paper.model)
    plots.save(figure, path)


def _by_technique(points: Iterable[Published]) -> dict[str, list[Published]]:
    groups: dict[str, list[Published]] = {}
    for point in points:
        groups.setdefault(point.technique, []).append(point)
    return groups


def _cost_of(points):
    """Returns what training took, from the first to the last of a technique's points."""
    epochs = sorted({p.epochs for p in points if p.epochs})
    told = [f"{'-'.join(map(str, epochs))} epochs"] if epochs else []
    costs = sorted({p.training for p in points if p.training})
    if costs:
        told.append(f"{'-'.join(f'{cost:g}' for cost in (costs[0], costs[-1]))}x operations")
    return ", ".join(told) or "cost not stated"
