"""Plots of a page that compares techniques by sparsity."""

import os
from collections.abc import Sequence

from state_of_sparsity.analysis import plots
from state_of_sparsity.analysis.pages.cells import OTHER_THRESHOLDS, TECHNIQUES, at_level
from state_of_sparsity.analysis.pages.tables import layer_sparsities
from state_of_sparsity.analysis.results import Aggregate

# Whose layers have what they are given.
_GIVEN = ("Dense", "Magnitude pruning, uniform", "Random pruning, uniform")


def trade_off(found: Sequence[Aggregate], metric: str, path: str | os.PathLike) -> None:
    """Draws the metric against sparsity, a line a technique."""
    # Points of several penalties are no curve.
    plots.trade_off(found, metric, path, unjoined=(OTHER_THRESHOLDS,))


def chosen_by_layer(found: Sequence[Aggregate], level: float) -> list[Aggregate]:
    """Returns the aggregates at a level whose technique chooses the sparsity of each layer."""
    chosen = [at_level(found, t, level) for t in TECHNIQUES if t not in _GIVEN]
    return [a for a in chosen if a is not None]


def layers(found: Sequence[Aggregate], level: float, path: str | os.PathLike) -> None:
    """Draws the sparsity of each kernel at a level, a panel for each of `chosen_by_layer`."""
    rows = {a.curve: _rows(a) for a in chosen_by_layer(found, level)}
    if rows:
        plots.sparsity_by_layer(rows, path)


def _rows(aggregate):
    kernels = aggregate.runs[0].result["kernels"]
    return [
        {
            # Eight names must fit side by side.
            "path": kernel["path"].replace("convolution_", "conv "),
            "technique": aggregate.technique,
            "size": kernel["size"],
            "nonzero": kernel["size"] * (1 - sparsity),
        }
        for kernel, sparsity in zip(kernels, layer_sparsities(aggregate), strict=True)
    ]
