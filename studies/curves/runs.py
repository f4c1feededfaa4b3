"""The runs of a study, read from their table: statistics over seeds, by technique and setting."""

import collections
import math
import pathlib
import re
import statistics

from state_of_sparsity.analysis.results import Aggregate, Run

# Folders of runs, which are named after their gin files, in the order of the page.
TECHNIQUES = {
    "dense": "dense",
    "magnitude_pruning": "magnitude, uniform",
    "magnitude_erdos_renyi_kernel": "magnitude, Erdos-Renyi-Kernel",
    "magnitude_global": "magnitude, global threshold",
    "variational_dropout": "variational dropout",
    "l0_regularization": "L0, a gate a weight",
    "random_pruning": "random, uniform",
}
# What bin/evaluate.py finds of variational dropout's runs, in thresholds.py.
OTHER_THRESHOLDS = "variational_dropout_other_thresholds"
LEVELS = (0.5, 0.8, 0.9, 0.95)
# A sparsity that a penalty decides counts as one of these where its density is so close to it.
_CLOSE = 1.3


def aggregates(rows, metric):
    """Returns the statistics of a metric over seeds, in the order of the page, the sparsest last.

    Args:
        rows: what `RunTable.read` returned; those of other techniques are left out, and those with
            a setting more, which are in `variants`.
        metric: a column.

    Returns:
        A list of `Aggregate`; the technique is a key of `TECHNIQUES`, the target sparsity of a
        technique with a penalty None.
    """
    return [a for a in _all(rows, metric) if not _further(a)]


def variants(rows, metric):
    """Returns pairs of `Aggregate` without and with a setting more, such as `DROPOUT = 0`.

    Args:
        rows: what `RunTable.read` returned.
        metric: a column.

    Returns:
        A list of pairs in the order of the page; the first of a pair may be None.
    """
    found = _all(rows, metric)
    own = {(a.technique, *settings(a.setting)): a for a in found if not _further(a)}
    return [
        (own.get((a.technique, *settings(a.setting)[: _deciding(a)])), a)
        for a in found
        if _further(a)
    ]


def settings(text):
    """Returns the settings that a folder's name holds, such as `[("SPARSITY", "0.9")]`."""
    return [(name.upper(), value) for name, value in re.findall(r"([a-z]\w*?)_(-?\d[^_]*)", text)]


def _deciding(aggregate):
    """Returns how many settings decide the sparsity; they come first."""
    return int(aggregate.technique != "dense")


def _further(aggregate):
    """Returns the settings that are not needed to say which sparsity a run was for."""
    return settings(aggregate.setting)[_deciding(aggregate) :]


def _all(rows, metric):
    groups = collections.defaultdict(list)
    for row in rows:
        technique, setting = row["run"].split("/")[:2]
        if technique in TECHNIQUES:
            setting = setting.rpartition("seed_")[0].rstrip("_")
            groups[technique, setting, row["target_sparsity"]].append(row)
    found = [
        statistics_of(technique, setting, target, members, metric)
        for (technique, setting, target), members in groups.items()
    ]
    order = list(TECHNIQUES)
    return sorted(found, key=lambda a: (order.index(a.technique), a.sparsity))


def statistics_of(technique, setting, target, rows, metric):
    """Returns the `Aggregate` of rows that differ in their seed."""
    rows = sorted(rows, key=lambda row: row["seed"])
    values = [row[metric] for row in rows]
    return Aggregate(
        technique=technique,
        target_sparsity=target,
        setting=setting,
        runs=tuple(Run(pathlib.Path(row["run"]), row) for row in rows),
        sparsity=statistics.fmean(row["sparsity"] for row in rows),
        mean=statistics.fmean(values),
        min=min(values),
        max=max(values),
        std=statistics.stdev(values) if len(values) > 1 else math.nan,
    )


def level(aggregate):
    """Returns which of `LEVELS` an aggregate stands for: the target, or what its density is near.

    None for dense runs, and for densities that are near none.
    """
    if aggregate.technique == "dense":
        return None
    if aggregate.target_sparsity is not None:
        return aggregate.target_sparsity
    density = max(1 - aggregate.sparsity, 1e-9)
    ratios = {each: max(density / (1 - each), (1 - each) / density) for each in LEVELS}
    nearest = min(ratios, key=ratios.get)
    return nearest if ratios[nearest] <= _CLOSE else None


def at_level(found, technique, wanted):
    """Returns the aggregate of a technique at a level, the nearest with most seeds; or None."""
    own = [a for a in found if a.technique == technique and level(a) == wanted]
    return max(own, key=lambda a: (a.n, -abs(a.sparsity - wanted)), default=None)
