"""The sparsity of each layer: of a curve each, at a sparsity near to all, over its seeds."""

import collections
import statistics
from collections.abc import Mapping, Sequence

from state_of_sparsity.analysis.results import Aggregate


def rows(aggregates: Sequence[Aggregate]) -> dict[str, list[Mapping]]:
    """Returns rows by curve, of those that have the kernels that most have.

    A row has `path`, `technique`, `size`, `nonzero`, the mean over runs that differ in their seed,
    and its `fewest` and `most`. Masks that came from other runs are left out where these are shown.

    Args:
        aggregates: statistics over seeds.
    """
    own = [a for a in aggregates if not (a.technique == "fixed_mask" and a.runs[0].start)]
    sparse = [a for a in own if a.technique != "dense"]
    chosen = _nearest_in_sparsity(sparse or aggregates)
    layers = {curve: _over_seeds(aggregate.runs) for curve, aggregate in chosen.items()}
    kernels = {curve: tuple(r["path"] for r in found) for curve, found in layers.items() if found}
    if not kernels:
        return {}
    ((most, _),) = collections.Counter(kernels.values()).most_common(1)
    return {curve: layers[curve] for curve, paths in kernels.items() if paths == most}


def _over_seeds(runs):
    """Returns the rows of the first run, with those of all that have the same kernels in them."""
    all_rows = [run.layers() for run in runs]
    paths = [row["path"] for row in all_rows[0]]
    alike = [rows for rows in all_rows if [row["path"] for row in rows] == paths]
    found = []
    for kernels in zip(*alike, strict=True):
        counts = [kernel["nonzero"] for kernel in kernels]
        over = {"nonzero": statistics.fmean(counts), "fewest": min(counts), "most": max(counts)}
        found.append({**kernels[0], **over})
    return found


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
