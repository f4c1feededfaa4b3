"""The figure of the survey: points of accuracy lost against compression, with one's own runs."""

import os
import statistics
from collections.abc import Sequence

from state_of_sparsity import extras
from state_of_sparsity.analysis import metrics, plots
from state_of_sparsity.analysis.published.point import Paper
from state_of_sparsity.analysis.published.survey import Surveyed
from state_of_sparsity.analysis.results import Aggregate

with extras.explained():
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter

_DATA_SET, _MODEL = "ImageNet", "ResNet-50"


def draw(
    surveyed: Sequence[Surveyed],
    paper: Paper,
    own: Sequence[Aggregate],
    metric: str,
    path: str | os.PathLike,
) -> None:
    """Draws the survey's networks on ImageNet in grey, those of ResNet-50 darker, beside the study.

    Args:
        surveyed: networks of the survey; those smaller by compression below 1 are left out.
        paper: the study's numbers, each held against the mean of its dense runs.
        own: one's own runs, held against their dense mean; without dense runs they are left out.
        metric: their metric.
        path: the PNG file to write; SVG and PDF are written beside it.
    """
    figure = Figure(figsize=(10, 5.5), layout="constrained")
    axes = figure.subplots()
    for name, color, marker, is_shown in (
        (f"Survey, other networks on {_DATA_SET}", "0.8", "o", lambda s: s.model != _MODEL),
        (f"Survey, {_MODEL}", "0.45", "s", lambda s: s.model == _MODEL),
    ):
        points = [s for s in surveyed if s.data_set == _DATA_SET and s.compression >= 1]
        points = [s for s in points if is_shown(s)]
        x, y = [s.compression for s in points], [s.change for s in points]
        papers = len({s.paper for s in points})
        label = f"{name} (n={len(points)}, {papers} papers)"
        axes.scatter(x, y, s=18, color=color, marker=marker, label=label, linewidths=0)
    dense = statistics.fmean(paper.dense)
    techniques = dict.fromkeys(point.technique for point in paper.study)
    for technique, (color, marker) in plots.curve_styles(techniques).items():
        found = [(p.sparsity, p.value - dense) for p in paper.study if p.technique == technique]
        _line(axes, found, f"{technique}, the study", color, marker, "-")
    for curve, (color, marker) in plots.curve_styles(a.curve for a in _sparse(own)).items():
        found = [(a.sparsity, _change(a, own, metric)) for a in _sparse(own) if a.curve == curve]
        _line(axes, found, f"{curve}, here", color, marker, "--")
    axes.set_xscale("log")
    axes.set_xticks([1, 2, 4, 8, 16, 32, 64], [f"{ratio}x" for ratio in (1, 2, 4, 8, 16, 32, 64)])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("Compression: weights before, by weights after")
    axes.set_ylabel("Change in top-1 accuracy (points)")
    axes.axhline(0, color="0.3", linestyle="--", linewidth=1)
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    plots.set_title(figure, paper.model)
    plots.save(figure, path)


def _sparse(own):
    has_dense = any(a.technique == "dense" for a in own)
    return [a for a in own if a.technique != "dense" and a.sparsity < 1] if has_dense else []


def _change(aggregate, own, metric):
    dense = statistics.fmean(a.mean for a in own if a.technique == "dense")
    return (aggregate.mean - dense) * metrics.factor(metric)


def _line(axes, points, name, color, marker, line):
    x, y = zip(*((1 / (1 - s), change) for s, change in sorted(points)), strict=True)
    axes.plot(
        x, y, color=color, marker=marker, markersize=5, linestyle=line, label=plots.label(name)
    )
