"""The runs of the page, from their table: statistics over seeds, by folder, variant and setting."""

import collections
import math
import pathlib
import re

from state_of_sparsity.analysis.pages.cells import over_seeds

# What the page calls the cells of CIFAR-10 and Multi30k: folder of a run, and what its name has
# before `share` and the seed.
CIFAR10_PRUNED = "magnitude_global"
VARIANTS = {
    ("dense", ""): "dense",
    ("magnitude_global", ""): "pruned while training",
    ("magnitude_pruning", ""): "pruned while training",
    ("fine_tuning", ""): "fine-tuning",
    ("learning_rate_rewinding", ""): "learning-rate rewinding",
    ("late_rewinding", "rewind_step_1560"): "rewound to step 1,560",
    ("late_rewinding", "rewind_step_390"): "rewound to step 390",
    ("lottery_ticket", ""): "lottery ticket (step 0)",
    ("scratch_e", ""): "scratch-E, re-initialized",
    ("scratch_b", ""): "scratch-B (twice the steps)",
    ("shuffled_masks", ""): "lottery ticket, shuffled masks",
}


def aggregates(rows, folder, metric):
    """Returns `{(variant, setting): Aggregate}` of the runs in a folder.

    Args:
        rows: what `RunTable.read` returned.
        folder: that runs lie in, such as `tickets/cifar10`; their names begin with it.
        metric: a column.
    """
    found = collections.defaultdict(list)
    for row in rows:
        run = pathlib.PurePath(row["run"])
        if run.parent.parent == pathlib.PurePath(folder):
            setting = run.name.rpartition("seed_")[0].rstrip("_")
            found[run.parent.name, setting].append(row)
    return {key: over_seeds(own, metric, *key) for key, own in found.items()}


def by_variant(rows, folder, metric):
    """Returns `{title: {share: Aggregate}}` in the order of `VARIANTS`; dense has a share of 0."""
    cells = aggregates(rows, folder, metric)
    found = collections.defaultdict(dict)
    for (variant, before), title in VARIANTS.items():
        for (name, setting), aggregate in cells.items():
            # `lottery_ticket_0.8`, `sparsity_0.8` or `rewind_step_390_share_0.8`.
            own = re.fullmatch(r"([a-z_]+?)(?:_(\d\.\d+))?", name)
            start, share = re.fullmatch(r"(.*?)_?(?:(?:share|sparsity)_(.+))?", setting).groups()
            if (own[1], start) == (variant, before):
                found[title][float(own[2] or share or 0)] = aggregate
    return dict(found)


def mean(aggregate, factor=100):
    """Returns mean, standard deviation and number of seeds in a cell, `-` without runs."""
    if aggregate is None:
        return "-"
    spread = "" if math.isnan(aggregate.std) else f" ± {aggregate.std * factor:.2f}"
    return f"{aggregate.mean * factor:.2f}{spread} ({aggregate.n})"
