"""Plots of loss and error on the line between two runs."""

import itertools
import os
from collections.abc import Mapping, Sequence

from state_of_sparsity import extras
from state_of_sparsity.analysis import plots
from state_of_sparsity.analysis.interpolation import Curve

with extras.explained():
    from matplotlib.figure import Figure

# Of Okabe and Ito, as in other plots.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_LINES = {"test": "-", "train": "--", "validation": ":"}
_TITLES = {"loss": "Loss", "error": "Error (%)"}


def plot(
    lines: Mapping[str, Sequence[Curve]],
    path: str | os.PathLike,
    ends: tuple[str, str] = ("the first run", "the second run"),
    title: str = "",
) -> str | os.PathLike:
    """Draws loss and error along the line, a colour each pair of runs, a kind of line each split.

    Args:
        lines: the curves of each pair, by what the pair is called; `interpolation.read` gives those
            of a file.
        path: the PNG file to write; SVG and PDF are written beside it.
        ends: what the runs at 0 and at 1 are called.
        title: a line above the panels, or none.

    Returns:
        `path`.

    Example:

    >>> loss = Curve("test", "loss", alpha=(0.0, 0.5, 1.0), values=(0.1, 0.3, 0.2))
    >>> plot({"k = 0": [loss]}, "instability.png", ends=("copy 1", "copy 2"))
    'instability.png'
    """
    figures = [f for f in _TITLES if any(c.figure == f for own in lines.values() for c in own)]
    figure = Figure(figsize=(5.5 * len(figures), 4.6), layout="constrained")
    panels = figure.subplots(1, len(figures), squeeze=False)[0]
    for axes, name in zip(panels, figures, strict=True):
        _draw(axes, lines, name)
        axes.set_xlabel(f"0: {plots.label(ends[0])}; 1: {plots.label(ends[1])}")
    handles, labels = panels[0].get_legend_handles_labels()
    columns = len(lines) if 1 < len(lines) <= 4 else 3  # one for each pair, where they fit
    place = {"loc": "outside lower center", "ncols": columns}
    figure.legend(handles, labels, frameon=False, fontsize=9, **place)
    plots.set_title(figure, title)
    return plots.save(figure, path)


def _draw(axes, lines, figure):
    factor = 100 if figure == "error" else 1
    for (name, curves), color in zip(lines.items(), itertools.cycle(_COLORS)):
        for curve in (c for c in curves if c.figure == figure):
            axes.plot(
                curve.alpha,
                [factor * value for value in curve.values],
                color=color,
                marker="o",
                markersize=3,
                linestyle=_LINES.get(curve.split, "-"),
                label=plots.label(", ".join(filter(None, (name, f"{curve.split} data")))),
            )
    for end in (0, 1):
        axes.axvline(end, color="0.6", linewidth=0.8)
    axes.set_title(_TITLES[figure], fontsize=10)
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
