"""What a page shows that compares techniques by sparsity."""

import pathlib
from collections.abc import Iterable

from state_of_sparsity.analysis.pages import plots, tables, thresholds
from state_of_sparsity.analysis.pages.cells import LEVELS, OTHER_THRESHOLDS, aggregates, variants

# What papers found, as (better, worse) at one sparsity. The study: all other techniques are above
# random pruning; on the Transformer magnitude pruning is from 90 % on above the two that learn
# sparsity, on ResNet-50 from 95 % on below variational dropout. It and later papers:
# sparsities that differ from layer to layer are above uniform ones and above variational dropout.
ORDERINGS = [
    ("Magnitude pruning, uniform", "Random pruning, uniform"),
    ("Variational dropout", "Random pruning, uniform"),
    ("L0 regularization", "Random pruning, uniform"),
    ("Magnitude pruning, uniform", "L0 regularization"),
    ("Magnitude pruning, uniform", "Variational dropout"),
    (OTHER_THRESHOLDS, "Random pruning, uniform"),
    ("Magnitude pruning, uniform", OTHER_THRESHOLDS),
    ("Magnitude pruning, Erdos-Renyi-Kernel", "Magnitude pruning, uniform"),
    ("Magnitude pruning, global threshold", "Magnitude pruning, uniform"),
    ("Magnitude pruning, Erdos-Renyi-Kernel", OTHER_THRESHOLDS),
    ("Magnitude pruning, global threshold", OTHER_THRESHOLDS),
]

# The sparsity at which layers are drawn.
LAYER_LEVEL = 0.9


def parts(rows: Iterable[dict], metric: str, folder: pathlib.Path) -> dict[str, str]:
    """Returns the tables of the page and its references to runs and plots, by their names.

    Args:
        rows: what `RunTable.read` returned.
        metric: the column that runs are judged by.
        folder: where plots and table lie, beside the page, and what bin/evaluate.py wrote.
    """
    rows = list(rows)
    found, more = aggregates(rows, metric), variants(rows, metric)
    others = thresholds.aggregates(thresholds.read(folder), metric)
    count = sum(a.n for a in [*found, *(a for _, a in more)])
    return {
        "runs": f"[{count} run{'s'[: count != 1]}]({folder.name}/runs.csv)",
        "results": tables.results(found, metric),
        "orderings": tables.orderings([*found, *others], metric, ORDERINGS),
        "variants": tables.variants(more, metric),
        "times": tables.times(found),
        "trade off": f"![Against sparsity]({folder.name}/trade_off.png)",
        "layer plot": _layer_plot(found, folder),
        "thresholds": tables.thresholds(others, metric),
        **{f"layers {level}": tables.layers(found, level) for level in LEVELS},
    }


def draw_trade_off(rows: Iterable[dict], metric: str, folder: pathlib.Path) -> None:
    """Writes `trade_off.png` into the folder; arguments as those of `parts`."""
    others = thresholds.front(thresholds.aggregates(thresholds.read(folder), metric))
    plots.trade_off([*aggregates(rows, metric), *others], metric, folder / "trade_off.png")


def draw_layers(rows: Iterable[dict], metric: str, folder: pathlib.Path) -> None:
    """Writes `layers.png` into the folder, where a technique chooses the sparsity of each layer."""
    plots.layers(aggregates(rows, metric), LAYER_LEVEL, folder / "layers.png")


def _layer_plot(found, folder):
    there = plots.chosen_by_layer(found, LAYER_LEVEL)
    return f"![Sparsity of each layer]({folder.name}/layers.png)" if there else ""
