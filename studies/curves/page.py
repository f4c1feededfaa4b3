"""Writes the page of a study, with its tables and plots, from the table of runs.

    python studies/curves/page.py --template=studies/cifar10/page.md --metric=accuracy \
        --table=docs/results/cifar10/runs.csv --output=docs/results/cifar10.md

The text is the template; a line `{{name}}` in it is where a table goes.
"""

import argparse
import pathlib
import re

import plots
import tables
import thresholds
from runs import LEVELS, OTHER_THRESHOLDS, aggregates, variants

from state_of_sparsity import atomic_write
from state_of_sparsity.analysis import file_text
from state_of_sparsity.analysis.run_table import RunTable

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


def page(template, rows, metric, folder, samples=(), evaluations=()):
    """Returns the page as text.

    Args:
        template: its text.
        rows: what `RunTable.read` returned.
        metric: the column that runs are judged by.
        folder: where plots and table lie, relative to the page.
        samples: rows of samples.py's table.
        evaluations: what `thresholds.read` returned.
    """
    found, more = aggregates(rows, metric), variants(rows, metric)
    others = thresholds.aggregates(evaluations, metric)
    count = sum(a.n for a in [*found, *(a for _, a in more)])
    parts = {
        "runs": f"[{count} run{'s'[: count != 1]}]({folder}/runs.csv)",
        "results": tables.results(found, metric),
        "orderings": tables.orderings([*found, *others], metric, ORDERINGS),
        "variants": tables.variants(more, metric),
        "times": tables.times(found),
        "trade off": f"![Against sparsity]({folder}/trade_off.png)",
        "layer plot": _layer_plot(found, folder),
        "samples": tables.samples(samples),
        "thresholds": tables.thresholds(others, metric),
        **{f"layers {level}": tables.layers(found, level) for level in LEVELS},
    }
    return re.sub(r"\{\{(.+?)\}\}", lambda match: parts[match[1]], template)


def _layer_plot(found, folder):
    there = plots.chosen_by_layer(found, LAYER_LEVEL)
    return f"![Sparsity of each layer]({folder}/layers.png)" if there else ""


def read_samples(folder):
    """Returns the rows of samples.py's table in a folder, none where it is not there."""
    path = folder / "samples.csv"
    if not path.exists():
        return []
    return file_text.read_csv(path)


def main():
    """Writes the page beside a folder of its name, which holds the plots."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--template", required=True, help="text of the page")
    parser.add_argument("--table", required=True, help="CSV file that bin/sweep.py wrote")
    parser.add_argument("--metric", required=True, help="column that runs are judged by")
    parser.add_argument("--output", required=True, help="the page, e.g. docs/results/cifar10.md")
    arguments = parser.parse_args()
    rows = RunTable(arguments.table).read()
    output = pathlib.Path(arguments.output)
    folder = output.with_suffix("")
    found = aggregates(rows, arguments.metric)
    evaluations = thresholds.read(folder)
    others = thresholds.front(thresholds.aggregates(evaluations, arguments.metric))
    plots.trade_off([*found, *others], arguments.metric, folder / "trade_off.png")
    template = pathlib.Path(arguments.template).read_text(encoding="utf-8")
    if "{{layer plot}}" in template:
        plots.layers(found, LAYER_LEVEL, folder / "layers.png")
    samples = read_samples(folder)
    text = page(template, rows, arguments.metric, folder.name, samples, evaluations)
    atomic_write.write_text(output, text)
    print(f"{output}, from {len(rows)} runs.")


if __name__ == "__main__":
    main()
