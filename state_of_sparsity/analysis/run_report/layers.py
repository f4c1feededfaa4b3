"""Runs of which the sparsity of each layer is shown: a curve each, at a sparsity near to all."""

import collections
from collections.abc import Mapping, Sequence

from state_of_sparsity.analysis.results import Aggregate


def rows(aggregates: Sequence[Aggregate]) -> dict[str, list[Mapping]]:
    """Returns rows of `report.csv` by curve, of those that have the kernels that most have.

    Masks that came from other runs are left out where these are shown.

    Args:
        aggregates: statistics over seeds.
    """
    own = [a for a in aggregates if not (a.technique == "fixed_mask" and a.runs[0].start)]
    sparse = [a for a in own if a.technique != "dense"]
    chosen = _nearest_in_sparsity(sparse or aggregates)
    layers = {curve: aggregate.runs[0].layers() for curve, aggregate in chosen.items()}
    kernels = {curve: tuple(r["path"] for r in found) for curve, found in layers.items() if found}
    if not kernels:
        return {}
    ((most, _),) = collections.Counter(kernels.values()).most_common(1)
    return {curve: layers[curve] for curve, paths in kernels.items() if paths == most}


def _nearest_in_sparsity(aggregates):
    """Returns for each curve the runs nearest to the sparsity that all come nearest to."""
    sparse = [a for a in aggregates if a.technique != "dense"]
    curves = collections.defaultdict(list)
    for each in sparse:
        curves[each.curve].append(each)

    def nearest(sparsity):
        return {
            curve: min(own, key=lambda a: abs(a.sparsity - sparsity))
            for curve, own in curves.items()
        }

    def worst_miss(sparsity):
        return max(abs(a.sparsity - sparsity) for a in nearest(sparsity).values())

    targets = sorted({a.target_sparsity or a.sparsity for a in sparse}, reverse=True)
    return nearest(min(targets, key=worst_miss)) if targets else {}
