"""The plot of a `Report`: what each kernel has lost, and where the weights are that are left."""

from typing import Any

import numpy as np

from state_of_sparsity import extras
from state_of_sparsity.accounting.remarks import scaled

with extras.explained():
    from matplotlib import pyplot
    from matplotlib.ticker import EngFormatter

# Of Okabe and Ito's palette, which colour-blind readers can tell apart.
_ZEROS, _LEFT, _ALL = "#0072B2", "#D55E00", "0.85"
_MOST_CHARACTERS = 45  # of a kernel's name


def layer_plot(report: Any) -> np.ndarray:
    """Draws two panels of horizontal bars, a kernel each: its sparsity, and its weights.

    Args:
        report: a `Report`.

    Returns:
        Their two `Axes`.
    """
    rows, places = report.layers, range(len(report.layers))
    height = 1.2 + 0.24 * max(3, len(rows))
    _, panels = pyplot.subplots(
        1, 2, sharey=True, figsize=(11, height), layout="constrained", width_ratios=(2, 3)
    )
    sparsity, weights = panels
    values = [100 * row.sparsity for row in rows]
    bars = sparsity.barh(places, values, color=_ZEROS, height=0.7)
    box = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}  # above the dashed line
    texts = [f"{value:.1f}" for value in values]
    sparsity.bar_label(bars, texts, padding=2, fontsize=8, bbox=box, zorder=3)
    sparsity.axvline(100 * report.sparsity, color="0.3", linestyle="--", linewidth=1)
    sparsity.set(xlim=(0, 118), xlabel="Zeros (%)")
    sparsity.set_xticks([0, 25, 50, 75, 100])
    sparsity.set_title(
        f"{100 * report.sparsity:.1f} % of all weights (dashed)", fontsize=10, loc="left"
    )
    bars = weights.barh(places, [row.size for row in rows], color=_ALL, height=0.7, label="all")
    weights.barh(places, [r.nonzero for r in rows], color=_LEFT, height=0.7, label="not zero")
    weights.bar_label(bars, [_share(row) for row in rows], padding=2, fontsize=8)
    weights.set(xlabel="Weights")
    weights.margins(x=0.3)
    weights.xaxis.set_major_formatter(EngFormatter())
    weights.set_title(f"{_share(report)} left", fontsize=10, loc="left")
    weights.legend(
        loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False, fontsize=9, borderpad=0
    )
    # A dollar in a name is no formula.
    sparsity.set_yticks(places, [_name(row.path) for row in rows], fontsize=8, parse_math=False)
    sparsity.set_ylim(len(rows) - 0.4, -0.6)  # the first kernel on top
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
    return panels


def _share(row):
    return f"{scaled(row.nonzero).strip()} of {scaled(row.size).strip()}"


def _name(path):
    name = path.removesuffix("/kernel")
    return name if len(name) <= _MOST_CHARACTERS else f"...{name[3 - _MOST_CHARACTERS :]}"
