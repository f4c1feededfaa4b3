"""Is one technique better than another by more than seeds differ?"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from state_of_sparsity.analysis.results import Aggregate

SEEDS = 3  # two say next to nothing of how much seeds differ
_ROUNDING = 1e-9  # of differences of floats, in proportion


@dataclass(frozen=True)
class Comparison:
    """Two techniques at one sparsity.

    Args:
        sparsity: the target sparsity of both.
        better: runs of the technique expected to be better.
        worse: runs of the other.
    """

    sparsity: float
    better: Aggregate
    worse: Aggregate

    @property
    def difference(self) -> float:
        """Difference of the means."""
        return self.better.mean - self.worse.mean

    @property
    def spread(self) -> float:
        """Best minus worst seed, of the technique where that is larger."""
        return max(a.max - a.min for a in (self.better, self.worse))

    @property
    def is_told(self) -> bool:
        """Whether both have seeds enough for a verdict."""
        return self.seeds >= SEEDS

    @property
    def seeds(self) -> int:
        """How many seeds the technique has that has fewer."""
        return min(self.better.n, self.worse.n)

    @property
    def verdict(self) -> str:
        """What the numbers say, either way."""
        if not self.is_told:
            return f"not told: needs {SEEDS} or more seeds each"
        rounding = _ROUNDING * max(abs(self.better.mean), abs(self.worse.mean))
        if abs(self.difference) <= rounding:
            return "no: equal"
        if abs(self.difference) <= self.spread + rounding:
            return "no: within the spread"
        return "yes" if self.difference > 0 else "no: below, by more than the spread"


def compare(
    aggregates: Sequence[Aggregate],
    metric: str,
    better: str = "magnitude_pruning",
    worse: str = "random_pruning",
) -> list[Comparison]:
    """Returns a comparison for each target sparsity that both techniques were run at.

    Models and data sets are compared each with itself, and each distribution of the better
    technique with the best of the worse.

    Args:
        aggregates: statistics over seeds. Of several settings of one curve and sparsity the one
            best in validation (`val_` and the metric) counts, where validation was recorded.
        metric: key of the metric.
        better: the technique expected to be better.
        worse: the other.
    """
    found = []
    for curve in dict.fromkeys(a.curve for a in aggregates if a.technique == better):
        own = [a for a in aggregates if a.curve == curve]
        task = own[0].runs[0].task
        others = [a for a in aggregates if a.technique == worse and a.runs[0].task == task]
        for target in sorted({a.target_sparsity for a in own if a.target_sparsity}):
            pair = _best(own, target, metric), _best(others, target, metric)
            if None not in pair:
                found.append(Comparison(target, *pair))
    return found


def compare_with_starts(
    aggregates: Sequence[Aggregate], metric: str, better: str = "magnitude_pruning"
) -> list[Comparison]:
    """Returns comparisons of pruning with each curve of runs that began from masks.

    There is one for each sparsity that both have.

    Args:
        aggregates: statistics over seeds; of several settings, as `compare`.
        metric: key of the metric.
        better: the technique that masks are compared with.
    """
    found = []
    begun = [a for a in aggregates if a.runs[0].start and a.technique == "fixed_mask"]
    for curve in dict.fromkeys(a.curve for a in begun):
        own = [a for a in begun if a.curve == curve]
        task = own[0].runs[0].task
        pruned = [a for a in aggregates if a.technique == better and a.runs[0].task == task]
        pruned = [a for a in pruned if not a.runs[0].start]
        for target in sorted({a.target_sparsity for a in own if a.target_sparsity}):
            pair = _best(pruned, target, metric), _best(own, target, metric)
            if None not in pair:
                found.append(Comparison(target, *pair))
    return found


def _best(aggregates, target, metric):
    own = [a for a in aggregates if a.target_sparsity == target]

    def in_validation(aggregate):
        values = [run.result.get(f"val_{metric}") for run in aggregate.runs]
        return -1.0 if None in values else statistics.fmean(values)

    return max(own, key=in_validation, default=None)
