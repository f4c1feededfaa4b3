"""Draws accuracy against sparsity, a line a technique: the picture of the front page.

    python studies/pictures/trade_off.py --table=docs/results/cifar10/runs.csv \
        --title="VGG-7 on CIFAR-10 (JPEG q75), 14 epochs" --output=docs/pictures/trade_off.png

Filled marks are means over seeds, with a bar of one standard deviation to each side; hollow marks
are single runs.
"""

import argparse
import math
import pathlib

from matplotlib.figure import Figure

from state_of_sparsity import atomic_write
from state_of_sparsity.analysis import metrics, plots, words
from state_of_sparsity.analysis.pages.cells import aggregates
from state_of_sparsity.analysis.run_table import RunTable

METRIC = "accuracy"
# Lines that can be told apart: Erdos-Renyi-Kernel lies upon the global threshold.
CURVES = {
    "Magnitude pruning, global threshold": "magnitude pruning,\none threshold for all layers",
    "Magnitude pruning, uniform": "magnitude pruning,\nthe same in each layer",
    "Variational dropout": "variational dropout",
    "L0 regularization": "L0 regularization",
    "Random pruning, uniform": "random pruning",
}
_RIGHT, _BELOW = (9, 0), (-62, -17)  # of the end of a line, in points: where its name stands


def draw(found, title, path):
    """Writes the picture.

    Args:
        found: the `Aggregate`s to draw, dense ones included.
        title: what was trained.
        path: the PNG file.
    """
    figure = Figure(figsize=(8.6, 4.6), layout="constrained")
    axes = figure.subplots()
    factor = metrics.factor(METRIC)
    for dense in (a for a in found if a.technique == "dense"):
        axes.axhline(dense.mean * factor, color="0.3", linestyle="--", linewidth=1.2)
        axes.annotate(
            f"dense, {dense.mean * factor:.1f} %",
            *((0, dense.mean * factor), (4, 4)),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            color="0.3",
            fontsize=9,
        )
    styles = plots.curve_styles(CURVES)
    for curve, name in CURVES.items():
        own = sorted((a for a in found if a.curve == curve), key=lambda a: a.sparsity)
        if own:
            _draw_curve(axes, own, name, *styles[curve], factor)
    plots.sparsity_axis(axes, [a.sparsity for a in found if a.curve in CURVES])
    _explain_marks(axes, max(a.n for a in found))
    axes.set_title(title, fontsize=11, loc="left")
    axes.set_ylabel(words.capital(metrics.label(METRIC)))
    axes.grid(color="0.92")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    with atomic_write.atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=120)


def _draw_curve(axes, own, name, color, marker, factor):
    """Draws a line with its name at its end: nobody has to look up colours."""
    x = [a.sparsity for a in own]
    means = [a.mean * factor for a in own]
    deviations = [0 if math.isnan(a.std) else a.std * factor for a in own]
    axes.errorbar(x, means, deviations, color=color, capsize=3.5, linewidth=1.8)
    for place, mean, aggregate in zip(x, means, own, strict=True):
        inside = color if aggregate.n > 1 else "white"
        axes.plot([place], [mean], marker, color=color, markerfacecolor=inside, markersize=6.5)
    axes.annotate(
        name,
        *((x[-1], means[-1]), _BELOW if own[0].technique == "l0_regularization" else _RIGHT),
        textcoords="offset points",
        color=color,
        fontsize=9,
        va="center",
        annotation_clip=False,
    )


def _explain_marks(axes, seeds):
    marks = {
        f"mean and standard deviation of {seeds} seeds": "0.3",
        "one seed": "white",
    }
    for text, inside in marks.items():
        axes.plot([], [], "o", color="0.3", markerfacecolor=inside, markersize=6.5, label=text)
    axes.legend(loc="lower left", frameon=False, fontsize=9)


def main():
    """Reads the arguments, and writes the picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--table", required=True, help="CSV file that bin/sweep.py wrote")
    parser.add_argument("--title", default="", help="what was trained")
    parser.add_argument("--output", required=True, type=pathlib.Path, help="the PNG file")
    arguments = parser.parse_args()
    draw(aggregates(RunTable(arguments.table).read(), METRIC), arguments.title, arguments.output)


if __name__ == "__main__":
    main()
