"""The plots of the page."""

from runs import TECHNIQUES, at_level
from tables import layer_sparsities

from state_of_sparsity.analysis import plots


def trade_off(found, metric, path):
    """Draws the metric against sparsity, a line a technique."""
    plots.trade_off(found, metric, path)


def layers(found, level, path):
    """Draws the sparsity of each kernel at a level, a panel a technique that chooses it."""
    given = ("dense", "magnitude_pruning", "random_pruning")
    chosen = [a for t in TECHNIQUES if t not in given and (a := at_level(found, t, level))]
    rows = {a.technique: _rows(a) for a in chosen}
    if rows:
        plots.sparsity_by_layer(rows, path)


def _rows(aggregate):
    kernels = aggregate.runs[0].result["kernels"]
    return [
        {
            "path": kernel["path"].replace("convolution_", "conv "),  # eight names fit side by side
            "technique": aggregate.technique,
            "size": kernel["size"],
            "nonzero": kernel["size"] * (1 - sparsity),
        }
        for kernel, sparsity in zip(kernels, layer_sparsities(aggregate), strict=True)
    ]
