"""The runs of a study, from their table: statistics over seeds, by technique and setting."""

import collections
import pathlib
import re
from collections.abc import Iterable

from state_of_sparsity.analysis import words
from state_of_sparsity.analysis.results import Aggregate, Run, statistics_of

# Techniques with their distributions, in the order of the page, and what it calls them.
TECHNIQUES = {
    "Dense": "dense",
    "Magnitude pruning, uniform": "magnitude, uniform",
    "Magnitude pruning, Erdos-Renyi-Kernel": "magnitude, Erdos-Renyi-Kernel",
    "Magnitude pruning, global threshold": "magnitude, global threshold",
    "Variational dropout": "variational dropout",
    "L0 regularization": "L0, a gate a weight",
    "Random pruning, uniform": "random, uniform",
}
# What bin/evaluate.py finds of variational dropout's runs; read by `thresholds`.
OTHER_THRESHOLDS = "Variational dropout, other thresholds"
LEVELS = (0.5, 0.8, 0.9, 0.95)
# A sparsity that a penalty decides counts as one of these where its density is so close to it.
_CLOSE = 1.3


def aggregates(rows: Iterable[dict], metric: str) -> list[Aggregate]:
    """Returns the statistics of a metric over seeds, in the order of the page, the sparsest last.

    Args:
        rows: what `RunTable.read` returned; those of other techniques are left out, and those with
            a setting more, which are in `variants`.
        metric: a column.

    Returns:
        A list of `Aggregate`; the curve is a key of `TECHNIQUES`, the target sparsity of a
        technique with a penalty None.
    """
    return [a for a in _all(rows, metric) if not _further(a)]


def variants(rows: Iterable[dict], metric: str) -> list[tuple[Aggregate | None, Aggregate]]:
    """Returns pairs of `Aggregate` without and with a setting more, such as `DROPOUT = 0`.

    Args:
        rows: what `RunTable.read` returned.
        metric: a column.

    Returns:
        A list of pairs in the order of the page; the first of a pair may be None.
    """
    found = _all(rows, metric)
    own = {(a.curve, *settings(a.setting)): a for a in found if not _further(a)}
    return [
        (own.get((a.curve, *settings(a.setting)[: _deciding(a)])), a) for a in found if _further(a)
    ]


def settings(text: str) -> list[tuple[str, str]]:
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
        _check_distribution(row)
        curve = words.technique(row["technique"], row.get("distribution"))
        if curve in TECHNIQUES:
            run = pathlib.PurePath(row["run"])
            setting = run.name.rpartition("seed_")[0].rstrip("_")
            groups[curve, setting, run.parent, row["target_sparsity"]].append(row)
    found = [
        over_seeds(members, metric, curve, setting)
        for (curve, setting, *_), members in groups.items()
    ]
    order = list(TECHNIQUES)
    return sorted(found, key=lambda a: (order.index(a.curve), a.sparsity))


def _check_distribution(row):
    if row["technique"].endswith("_pruning") and not row.get("distribution"):
        raise ValueError(
            "`rows` must say how pruning shares its zeros, in a column `distribution`. Received: "
            f"{row['run']} without. Older versions did not: make the table again, or fill it in."
        )


def over_seeds(rows: Iterable[dict], metric: str, curve: str, setting: str) -> Aggregate:
    """Returns the `Aggregate` of rows that differ in their seed."""
    rows = sorted(rows, key=lambda row: row["seed"])
    runs = [Run(pathlib.Path(row["run"]), row) for row in rows]
    return statistics_of(runs, metric, curve, setting)


def level(aggregate: Aggregate) -> float | None:
    """Returns which of `LEVELS` an aggregate stands for: the target, or what its density is near.

    None for dense runs, and for densities that are near none.
    """
    if aggregate.technique == "dense":
        return None
    if aggregate.target_sparsity is not None:
        return aggregate.target_sparsity
    density = max(1 - aggregate.sparsity, 1e-9)
    ratios = {each: max(density / (1 - each), (1 - each) / density) for each in LEVELS}
    nearest = min(ratios, key=ratios.__getitem__)
    return nearest if ratios[nearest] <= _CLOSE else None


def at_level(found: Iterable[Aggregate], curve: str, wanted: float) -> Aggregate | None:
    """Returns the aggregate of a curve at a level, the nearest with most seeds; or None."""
    own = [a for a in found if a.curve == curve and level(a) == wanted]
    return max(own, key=lambda a: (a.n, -abs(a.sparsity - wanted)), default=None)
