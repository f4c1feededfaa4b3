"""Is one technique better than another by more than seeds differ?"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from state_of_sparsity.analysis.results import Aggregate

SEEDS = 3  # two say next to nothing of how much seeds differ
_ROUNDING = 1e-9  # of differences of floats, in proportion
# What a penalty leaves counts at a sparsity asked for, in that of its density: more could not be
# compared, as fewer weights are harder.
DENSITIES = (1 / 1.3, 1.05)
_LEVELS = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99)  # where none was asked for


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


@dataclass(frozen=True)
class Level:
    """All techniques at one sparsity, of one model and data set.

    Args:
        sparsity: the sparsity.
        task: model and data set.
        ranked: a curve each, the best first. Of several settings of a curve that were asked for
            the sparsity the one best in validation (`val_` and the metric) counts, the first
            where that was not recorded; of a penalty's the nearest.
    """

    sparsity: float
    task: tuple[str, ...]
    ranked: tuple[Aggregate, ...]

    def below(self, aggregate: Aggregate) -> list[Comparison]:
        """Returns comparisons of one of the techniques with each that has a lower mean."""
        others = self.ranked[self.ranked.index(aggregate) + 1 :]
        return [Comparison(self.sparsity, aggregate, other) for other in others]


def levels(aggregates: Sequence[Aggregate], metric: str) -> list[Level]:
    """Returns all techniques at each sparsity that one of them was asked for.

    What a penalty led to counts where its density is at most 1.05 of that sparsity's, and at least
    1 / 1.3.

    Args:
        aggregates: statistics over seeds.
        metric: key of the metric.

    Returns:
        By model and data set, then by rising sparsity; those with two techniques or more.
    """
    sparse = [a for a in aggregates if a.technique != "dense"]
    found = []
    for task in dict.fromkeys(a.runs[0].task for a in sparse):
        own = [a for a in sparse if a.runs[0].task == task]
        curves = dict.fromkeys(a.curve for a in own)
        for sparsity in asked_for(own):
            best = [_best([a for a in own if a.curve == c], sparsity, metric) for c in curves]
            ranked = sorted((a for a in best if a), key=lambda a: a.mean, reverse=True)
            if len(ranked) > 1:
                found.append(Level(sparsity, task, tuple(ranked)))
    return found


def asked_for(aggregates: Sequence[Aggregate]) -> list[float]:
    """Returns the sparsities that techniques were asked for; round ones where there is none."""
    return sorted({a.target_sparsity for a in aggregates if a.target_sparsity}) or list(_LEVELS)


def is_at(aggregate: Aggregate, sparsity: float) -> bool:
    """Returns whether runs count at a sparsity: asked for it, or close to it by a penalty."""
    if aggregate.target_sparsity is not None:
        return aggregate.target_sparsity == sparsity
    low, high = DENSITIES
    return low <= (1 - aggregate.sparsity) / max(1 - sparsity, 1e-9) <= high


def _best(aggregates, sparsity, metric):
    own = [a for a in aggregates if is_at(a, sparsity)]

    def order(aggregate):
        if aggregate.target_sparsity is None:
            return -abs(aggregate.sparsity - sparsity)
        values = [run.result.get(f"val_{metric}") for run in aggregate.runs]
        return -1.0 if None in values else statistics.fmean(values)

    return max(own, key=order, default=None)
