"""The tables of the page."""

import json
import math

from state_of_sparsity.analysis.comparison import Comparison
from state_of_sparsity.analysis.markdown import table

# What papers found, as (better, worse): the reproduction of RigL on CIFAR-10 (WRN-22-2, 80 %), the
# tables of RigL and AC/DC on ImageNet, JaxPruner's; and two pairs that the text speaks of.
ORDERINGS = [
    ("snip", "static_random"),
    ("set", "static_random"),
    ("rigl", "set"),
    ("magnitude_erdos_renyi_kernel", "rigl"),
    ("grow_and_prune", "rigl"),
    ("top_kast", "grow_and_prune"),
    ("grow_and_prune", "straight_through"),
    ("acdc", "magnitude_global"),
    ("acdc", "magnitude_erdos_renyi_kernel"),
    ("magnitude_erdos_renyi_kernel", "straight_through"),
    ("magnitude_erdos_renyi_kernel", "top_kast"),
]
# What benchmarks call them, and the page.
_VARIANTS = {
    "dense": "dense",
    "magnitude": "magnitude pruning",
    "random": "random pruning",
    "snip": "SNIP",
    "set": "SET",
    "rigl": "RigL, grow and prune",
    "acdc": "AC/DC",
    "straight_through": "SR-STE",
    "top_kast": "Top-KAST",
    "movement": "movement pruning",
    "soft_threshold": "soft threshold",
    "l0": "L0 regularization",
    "variational_dropout": "variational dropout",
}


def results(found, level):
    """Returns a line for each technique at a sparsity, and one for dense."""
    lines = [
        [
            cell.title,
            mean(cell.runs),
            each_seed(cell.runs, "accuracy"),
            f"{100 * cell.inference:.1f}",
            None if cell.training is None else f"{100 * cell.training:.0f}",
        ]
        for (_, sparsity), cell in found.items()
        if sparsity in (0.0, level)
    ]
    header = ["Technique", "Accuracy (%)", "Each seed", "Inference (%)", "Training (%)"]
    return table(header, lines)


def mean(runs, scale=100):
    """Returns the mean over seeds, its standard deviation and how many there are."""
    spread = "" if math.isnan(runs.std) else f" ± {scale * runs.std:.2f}"
    return f"{scale * runs.mean:.2f}{spread} ({runs.n})"


def each_seed(runs, metric, scale=100):
    """Returns what each seed has."""
    return ", ".join(f"{scale * run.result[metric]:.2f}" for run in runs.runs)


def orderings(found, levels, pairs=ORDERINGS, scale=100):
    """Returns for each of the pairs and each sparsity what the runs say."""
    lines = []
    for better, worse in pairs:
        for level in levels:
            pair = [found.get((folder, level)) for folder in (better, worse)]
            if None in pair:
                continue
            comparison = Comparison(level, *(cell.runs for cell in pair))
            lines.append(
                [
                    f"{pair[0].title} above {pair[1].title}",
                    f"{100 * level:g}",
                    f"{scale * comparison.difference:+.2f}",
                    comparison.seeds,
                    comparison.verdict,
                ]
            )
    header = ["Ordering", "Sparsity (%)", "Difference", "Seeds", "Holds"]
    return table(header, lines) if lines else "Not measured yet."


def steps(times, memory):
    """Returns what a step of each technique takes in that of dense, from two JSON files."""
    if not (times.exists() and memory.exists()):
        return "Not measured yet."
    ratios = {r["of"]: r["ratio"] for r in json.loads(times.read_text(encoding="utf-8"))["ratios"]}
    cells = json.loads(memory.read_text(encoding="utf-8"))["cells"]
    lines = [
        [
            title,
            _ratio(ratios.get(name)),
            _ratio(cells.get(name, {}).get("ratio")),
            _bytes(cells.get(name, {}).get("state_bytes_a_weight")),
        ]
        for name, title in _VARIANTS.items()
        if name in ratios and name != "dense"
    ]
    header = ["Technique", "Seconds a step", "Peak memory", "State, bytes a weight"]
    return table(header, lines)


def _bytes(number):
    return None if number is None else f"{number:.1f}"


def _ratio(ratio):
    if ratio is None:
        return None
    low, high = ratio["interval"] or (None, None)
    interval = "" if low is None else f" [{low:.2f}, {high:.2f}]"
    return f"{ratio['median']:.2f}{interval}"
