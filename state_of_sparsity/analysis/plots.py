"""Plots of trade-offs and of sparsity by layer, as PNG, SVG and PDF files."""

import itertools
import os
import pathlib
import textwrap
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from state_of_sparsity import atomic_write, extras
from state_of_sparsity.analysis import metrics, run_facts, words
from state_of_sparsity.analysis.results import Aggregate

with extras.explained():
    import matplotlib
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import FixedLocator, NullLocator

# The palette of Okabe and Ito, which colour-blind readers can tell apart; yellow is too pale.
_STYLES = {
    "Magnitude pruning": ("#0072B2", "o"),
    "Magnitude pruning, uniform": ("#0072B2", "o"),
    "Magnitude pruning, Erdos-Renyi-Kernel": ("#56B4E9", "v"),
    "Magnitude pruning, global threshold": ("#D55E00", "P"),
    "Random pruning": ("#E69F00", "s"),
    "Random pruning, uniform": ("#E69F00", "s"),
    "Variational dropout": ("#009E73", "^"),
    "L0 regularization": ("#CC79A7", "D"),
}
_OTHER_STYLES = tuple(
    (color, marker)
    for marker in "X*<>hpd8"
    for color in ("#7F7F7F", "#000000", "#D55E00", "#56B4E9", "#009E73", "#CC79A7")
)
SPARSITY_TICKS = (0, 0.2, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)
LEAST_DENSITY = 1e-4
_LINES = 3  # of a title
_LEAST_GAIN = 1.5  # of a second panel, for which there is less room then
_LONGEST = 100  # characters of a label
_ENDS = ("most", "fewest")  # of the non-zeros of a kernel, over seeds
# Without the time in them, equal plots are equal files.
_FORMATS = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}


def trade_off(
    aggregates: Sequence[Aggregate],
    metric: str,
    path: str | os.PathLike,
    unjoined: Collection[str] = (),
) -> str | os.PathLike:
    """Draws a metric against sparsity: a line a curve, a point each run.

    Lines join the means over seeds; bars go from the worst to the best seed. The dense runs are a
    horizontal line with a band from worst to best. A second panel shows the same without the
    lowest quarter of the means, where those lie far below. The density (one minus sparsity) has a
    logarithmic scale, so that high sparsities do not crowd.

    Args:
        aggregates: what to draw, dense runs included.
        metric: its key in `result.json`.
        path: the PNG file to write; SVG and PDF are written beside it.
        unjoined: curves whose points no line joins.

    Returns:
        `path`.
    """
    figure = Figure(figsize=(10, 5), layout="constrained")
    factor = metrics.factor(metric)
    low, high = close_limits(aggregates, factor)
    panels = 2 if needs_close(aggregates, factor) else 1
    whole, *close = figure.subplots(1, panels, squeeze=False)[0]
    for axes in (whole, *close):
        _draw_trade_off(axes, aggregates, metric, unjoined)
    set_title(figure, run_facts.title(run for a in aggregates for run in a.runs))
    whole.set_ylabel(label(words.capital(metrics.label(metric))))
    for axes in close:
        whole.set_title("All runs", fontsize=10)
        axes.set_title("The same, without the lowest quarter of the means", fontsize=10)
        axes.set_ylim(low, high)
    handles, labels = whole.get_legend_handles_labels()
    if handles:
        columns = 2 if max(map(len, labels)) > 40 else 3
        figure.legend(
            handles, labels, loc="outside lower center", ncols=columns, frameon=False, fontsize=9
        )
    return save(figure, path)


def needs_close(aggregates: Sequence[Aggregate], factor: float) -> bool:
    """Returns whether a panel without the lowest quarter of the means shows more of the others."""
    low, high = close_limits(aggregates, factor)
    drawn = (max(a.max for a in aggregates) - min(a.min for a in aggregates)) * factor
    return drawn > _LEAST_GAIN * (high - low)


def close_limits(aggregates: Sequence[Aggregate], factor: float) -> tuple[float, float]:
    """Returns the limits of the panel without the lowest quarter of the means.

    Bars are shown whole or not at all: one that would reach into the panel is taken in.

    Args:
        aggregates: what is drawn.
        factor: what the metric is multiplied by to be shown.
    """
    lowest = np.quantile([a.mean for a in aggregates], 0.25)
    high = max(a.max for a in aggregates)
    low = min(a.min for a in aggregates if a.mean >= lowest)
    while True:
        margin = 0.1 * (high - low) or max(1e-3 / factor, 1e-3 * abs(high))
        lower = min(a.min for a in aggregates if a.max >= low - margin)
        if lower >= low:
            return (low - margin) * factor, (high + margin) * factor
        low = lower


def sparsity_by_layer(
    layers: Mapping[str, Sequence[Mapping]], path: str | os.PathLike, title: str = ""
) -> str | os.PathLike:
    """Draws the sparsity of each kernel as bars, one panel a curve.

    A dashed line is the sparsity of all kernels together, which each would have if it were spread
    uniformly.

    Args:
        layers: rows (`path`, `technique`, `size`, `nonzero`) by curve; bars where they have
            `fewest` and `most` non-zeros too. All have the same kernels.
        path: the PNG file to write; SVG and PDF are written beside it.
        title: a line above all panels, or none.

    Returns:
        `path`.
    """
    names = [_short(row["path"]) for row in next(iter(layers.values()))]
    few = len(names) <= 10
    size = (min(16, max(6.5, 2 + 0.22 * len(names))), max(3.6, 1.2 + 1.3 * len(layers)))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(len(layers), sharex=True, sharey=True, squeeze=False)[:, 0]
    styles = curve_styles(layers)
    for axes, (curve, rows) in zip(panels, layers.items(), strict=True):
        values = [100 * (1 - row["nonzero"] / row["size"]) for row in rows]
        overall = 100 * (1 - sum(r["nonzero"] for r in rows) / sum(r["size"] for r in rows))
        bars = axes.bar(range(len(names)), values, width=0.7, color=styles[curve][0])
        ends = [
            [100 * (1 - row.get(e, row["nonzero"]) / row["size"]) for row in rows] for e in _ENDS
        ]
        if ends[0] != ends[1]:
            errors = np.abs(np.array(ends) - values)
            axes.errorbar(range(len(names)), values, errors, fmt="none", ecolor="0.2", capsize=2)
        texts = ["dense" if row.get("technique") == "dense" else "" for row in rows]
        if few:
            texts = [text or f"{v:.1f}" for text, v in zip(texts, values, strict=True)]
        # A number near the dashed line stays readable on a white box.
        box = {"facecolor": "white", "edgecolor": "none", "pad": 0.6} if few else None
        rotation = 0 if few else 90
        axes.bar_label(bars, texts, fontsize=8, padding=2, rotation=rotation, bbox=box, zorder=3)
        axes.axhline(overall, color="0.3", linestyle="--", linewidth=1)
        text = f"{label(words.capital(curve))}: {overall:.1f} % of all weights are zero"
        axes.set_title(text, fontsize=10, loc="left")
        axes.margins(x=0.01)
        axes.set_ylim(0, 118)
        axes.set_yticks([0, 50, 100])
        axes.spines[["top", "right"]].set_visible(False)
    panels[-1].set_xticks(range(len(names)), names, rotation=0 if few else 90, fontsize=8)
    panels[-1].set_xlabel("Kernel, in the order of the model")
    set_title(figure, title)
    figure.supylabel("Sparsity (%); dashed: all kernels together", fontsize=10)
    return save(figure, path)


def curve_styles(curves: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Returns a colour and a marker for each curve; known ones have the same in every plot.

    Args:
        curves: what they are called in words.

    Returns:
        `{curve: (colour, marker)}`, in alphabetical order.
    """
    curves = sorted(set(curves))
    others = itertools.cycle(_OTHER_STYLES)
    return {name: _STYLES.get(name) or next(others) for name in curves}


def save(figure: Figure, path: str | os.PathLike, dpi: int = 150) -> str | os.PathLike:
    """Writes a figure as PNG, SVG and PDF, each atomically; equal figures are equal files.

    Args:
        figure: the figure.
        path: the PNG file; the others lie beside it.
        dpi: dots an inch of the PNG file.

    Returns:
        `path`.
    """
    with matplotlib.rc_context({"svg.hashsalt": "state_of_sparsity"}):
        for suffix, metadata in _FORMATS.items():
            with atomic_write.atomic_path(pathlib.Path(path).with_suffix(suffix)) as temporary:
                figure.savefig(temporary, dpi=dpi, metadata=metadata)
    return path


def set_title(figure: Figure, title: str) -> None:
    """Puts a line above all panels, or none for no text; a long one is wrapped.

    Args:
        figure: the figure.
        title: any text.
    """
    if title:
        lines = textwrap.wrap(title, int(11 * figure.get_figwidth()))[:_LINES]
        figure.suptitle("\n".join(map(label, lines)), fontsize=11)


def _draw_trade_off(axes, aggregates, metric, unjoined):
    factor = metrics.factor(metric)
    for baseline in (a for a in aggregates if a.technique == "dense"):
        axes.axhspan(baseline.min * factor, baseline.max * factor, color="0.5", alpha=0.2, lw=0)
        text = f"{label(baseline.curve)} (n={baseline.n})"
        axes.axhline(baseline.mean * factor, color="0.3", linestyle="--", label=text)
    sparse = [a for a in aggregates if a.technique != "dense"]
    for curve, (color, marker) in curve_styles(a.curve for a in sparse).items():
        own = sorted((a for a in sparse if a.curve == curve), key=lambda a: a.sparsity)
        line = "none" if curve in unjoined else "-"
        name = label(words.capital(curve))
        draw_curve(axes, own, name, metric, color=color, marker=marker, linestyle=line)
    sparsity_axis(axes, [run.sparsity for a in sparse for run in a.runs])
    axes.grid(color="0.9")
    axes.set_axisbelow(True)


def draw_curve(
    axes: Axes, aggregates: Sequence[Aggregate], name: str, metric: str, *, color: str, **style: Any
) -> None:
    """Draws means over seeds with bars from the worst to the best, and a point each run.

    Args:
        axes: where to draw.
        aggregates: those of one curve, by rising sparsity.
        name: what the legend says, to which the number of seeds is added.
        metric: its key in `result.json`.
        color: that of line, bars and points.
        **style: of the line, as matplotlib takes it.
    """
    factor = metrics.factor(metric)
    x = [_below_one(a.sparsity) for a in aggregates]
    mean = np.array([a.mean for a in aggregates]) * factor
    ends = np.array([[a.min for a in aggregates], [a.max for a in aggregates]]) * factor
    counts = sorted({a.n for a in aggregates})
    seeds = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    axes.errorbar(
        x,
        mean,
        yerr=np.abs(ends - mean),
        color=color,
        **style,
        capsize=3,
        markersize=5,
        label=f"{name} (n={seeds})",
    )
    runs = [run for a in aggregates for run in a.runs]
    values = [run.result[metric] * factor for run in runs]
    x = [_below_one(run.sparsity) for run in runs]
    axes.scatter(x, values, s=12, color=color, alpha=0.6, linewidths=0, zorder=4)


def sparsity_axis(axes: Axes, sparsities: Sequence[float]) -> None:
    """Makes the horizontal axis one of sparsities, with the density on a logarithmic scale.

    Args:
        axes: where to draw.
        sparsities: what the axis must hold.
    """
    axes.set_xscale(
        "function",
        functions=(lambda s: -np.log10(np.maximum(1 - s, LEAST_DENSITY)), lambda t: 1 - 10**-t),
    )
    low, high = (min(sparsities), max(sparsities)) if sparsities else (0.0, 0.9)
    margin = 10**0.06  # in density, on both sides
    axes.set_xlim(1 - (1 - _below_one(low)) * margin, 1 - (1 - _below_one(high)) / margin)
    axes.xaxis.set_major_locator(FixedLocator([s for s in SPARSITY_TICKS if s < 1]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(lambda s, _: f"{100 * s:.4g}")
    axes.set_xlabel("Sparsity of all kernels (%), density on a logarithmic scale")


def _below_one(sparsity):
    return min(sparsity, 1 - LEAST_DENSITY)


def _short(path):
    return label(path.removesuffix("/kernel"))


def label(text: str) -> str:
    """Returns text, cut where long, as matplotlib shows it: it takes dollars for TeX."""
    shown = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
    return shown.replace("$", r"\$")
