"""The plot of a scaling law: what it predicts of the runs, and what a nonzero weight is worth."""

import os

import numpy as np

from state_of_sparsity import extras
from state_of_sparsity.analysis import plots
from state_of_sparsity.analysis.scaling_law import Runs, ScalingLaw

with extras.explained():
    from matplotlib.figure import Figure

# Of Okabe and Ito, as in other plots; from dense to the sparsest.
_STYLES = (
    *(("#000000", "o"), ("#0072B2", "s"), ("#009E73", "^"), ("#E69F00", "D"), ("#D55E00", "v")),
    *(("#CC79A7", "P"), ("#56B4E9", "X"), ("#7F7F7F", "*")),
)


def plot(law: ScalingLaw, runs: Runs, path: str | os.PathLike) -> str | os.PathLike:
    """Draws measured against predicted losses, and the size of an equally good dense network.

    Args:
        law: the law.
        runs: what it was fitted to.
        path: the PNG file to write; SVG and PDF are written beside it.

    Returns:
        `path`.
    """
    figure = Figure(figsize=(11, 4.8), layout="constrained")
    losses, sizes = figure.subplots(1, 2)
    _draw_losses(losses, law, runs)
    _draw_sizes(sizes, law, runs)
    for axes in (losses, sizes):
        axes.grid(color="0.9")
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    return plots.save(figure, path)


def _draw_losses(axes, law, runs):
    predicted = law.loss(runs.sparsity, runs.nonzero, runs.data)
    nearest = np.abs(runs.sparsity[:, None] - np.array(runs.sparsities)).argmin(axis=1)
    for index, sparsity in enumerate(runs.sparsities):
        own, (color, marker) = nearest == index, _STYLES[index % len(_STYLES)]
        name = f"{100 * sparsity:.4g} %" if sparsity else "dense"
        axes.scatter(predicted[own], runs.loss[own], s=22, color=color, marker=marker, label=name)
    ends = [min(predicted.min(), runs.loss.min()), max(predicted.max(), runs.loss.max())]
    axes.plot(ends, ends, color="0.5", linestyle="--", linewidth=1, zorder=0)
    axes.set_xlabel("Loss that the law predicts")
    axes.set_ylabel("Loss measured")
    if len(runs.sparsities) <= len(_STYLES):
        axes.legend(frameon=False, fontsize=9, title="Sparsity", title_fontsize=9)


def _draw_sizes(axes, law, runs):
    most = runs.sparsities[-1]
    sparsities = np.linspace(0, most, 200)
    axes.plot(
        100 * sparsities, [law.dense_equivalent(each) for each in sparsities], color="#0072B2"
    )
    measured = [each for each in runs.sparsities if each]
    values = [law.dense_equivalent(each) for each in measured]
    axes.scatter([100 * each for each in measured], values, color="#0072B2")
    if len(measured) <= len(_STYLES):
        for sparsity, value in zip(measured, values, strict=True):
            place = {"xytext": (-6, 4), "textcoords": "offset points", "ha": "right"}
            axes.annotate(f"{value:.2f}", (100 * sparsity, value), fontsize=9, **place)
    axes.set_xlabel("Sparsity (%)")
    axes.set_ylabel("Nonzero weights of an equally good dense network,\nfor each nonzero weight")
