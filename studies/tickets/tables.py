"""The tables of the page."""

from cells import aggregates, by_variant, mean

from state_of_sparsity.analysis.comparison import Comparison
from state_of_sparsity.analysis.markdown import table

# What papers found, as (better, worse): Renda et al. (2020), table of ResNet-20; the study.
ORDERINGS = [
    ("learning-rate rewinding", "fine-tuning"),
    ("rewound to step 1,560", "fine-tuning"),
    ("rewound to step 1,560", "lottery ticket (step 0)"),
    ("rewound to step 390", "lottery ticket (step 0)"),
    ("fine-tuning", "lottery ticket (step 0)"),
    ("lottery ticket (step 0)", "scratch-E, re-initialized"),
    ("scratch-B (twice the steps)", "lottery ticket (step 0)"),
    ("scratch-B (twice the steps)", "scratch-E, re-initialized"),
    ("pruned while training", "scratch-B (twice the steps)"),
    ("scratch-E, re-initialized", "lottery ticket, shuffled masks"),
]


def variants(rows, folder, metric, shares, factor=100):
    """Returns a line for each variant, a column for each share that was pruned.

    Args:
        rows: what `RunTable.read` returned.
        folder: that runs lie in.
        metric: a column.
        shares: of the weights that are gone.
        factor: what the metric is shown times.
    """
    found = by_variant(rows, folder, metric)
    lines = [
        [title, *(mean(own.get(share, own.get(0.0)), factor) for share in shares)]
        for title, own in found.items()
    ]
    header = [f"{100 * (1 - share):g} % of weights left" for share in shares]
    return table(["Run", *header], lines) if lines else "Not measured yet."


def orderings(rows, folder, metric, shares, factor=100):
    """Returns for each of `ORDERINGS` and each share what the runs say."""
    found = by_variant(rows, folder, metric)
    lines = []
    for better, worse in ORDERINGS:
        for share in shares:
            pair = [found.get(title, {}).get(share) for title in (better, worse)]
            if None not in pair:
                comparison = Comparison(share, *pair)
                lines.append(
                    [
                        f"{better} above {worse}",
                        f"{100 * (1 - share):g}",
                        f"{comparison.difference * factor:+.2f}",
                        comparison.seeds,
                        comparison.verdict,
                    ]
                )
    header = ["Ordering", "Weights left (%)", "Difference", "Seeds", "Holds"]
    return table(header, lines) if lines else ""


def lengths(rows, pruned, scratch, metric, factor=100):
    """Returns a line for each sparsity and way to train, a column for each length.

    Args:
        rows: what `RunTable.read` returned.
        pruned: `{(sparsity, length): (folder, variant, setting)}` of magnitude pruning.
        scratch: the same of scratch runs.
        metric: a column.
        factor: what the metric is shown times.
    """
    lengths = sorted({length for _, length in pruned})
    lines = []
    for sparsity in sorted({sparsity for sparsity, _ in pruned}):
        for title, cells in (("magnitude pruning", pruned), ("scratch", scratch)):
            own = {le: _cell(rows, cells.get((sparsity, le)), metric) for le in lengths}
            gain = _gain(own[lengths[0]], own[lengths[-1]], factor)
            line = [f"{100 * sparsity:g}", title, *(mean(own[le], factor) for le in lengths), gain]
            lines.append(line)
    header = [f"{length:g} times" for length in lengths]
    last = f"From {lengths[0]:g} to {lengths[-1]:g} times"
    return table(["Sparsity (%)", "Run", *header, last], lines)


def _cell(rows, place, metric):
    if place is None:
        return None
    folder, *key = place
    return aggregates(rows, folder, metric).get(tuple(key))


def _gain(first, last, factor):
    return "-" if None in (first, last) else f"{(last.mean - first.mean) * factor:+.2f}"
