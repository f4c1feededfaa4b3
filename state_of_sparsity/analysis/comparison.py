"""Is one technique better than another by more than seeds differ?"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from state_of_sparsity.analysis import metrics
from state_of_sparsity.analysis.markdown import percent, table
from state_of_sparsity.analysis.results import Aggregate


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
    def verdict(self) -> str:
        """What the numbers say, either way."""
        if min(self.better.n, self.worse.n) < 2:
            return "not told: needs 2 or more seeds each"
        if abs(self.difference) <= self.spread:
            return "no: within the spread"
        return "yes" if self.difference > 0 else "no: below, by more than the spread"


def compare(
    aggregates: Sequence[Aggregate],
    metric: str,
    better: str = "magnitude_pruning",
    worse: str = "random_pruning",
) -> list[Comparison]:
    """Returns a comparison for each target sparsity that both techniques were run at.

    Args:
        aggregates: statistics over seeds. Of several settings of one technique and sparsity the
            one best in validation (`val_` and the metric) counts, where validation was recorded.
        metric: key of the metric.
        better: the technique expected to be better.
        worse: the other.
    """
    targets = sorted({a.target_sparsity for a in aggregates if a.target_sparsity})
    pairs = [
        (t, _best(aggregates, better, t, metric), _best(aggregates, worse, t, metric))
        for t in targets
    ]
    return [Comparison(t, a, b) for t, a, b in pairs if a and b]


def comparison_text(comparisons: Sequence[Comparison], metric: str) -> str:
    """Returns comparisons as a section in Markdown.

    Args:
        comparisons: what `compare` returned.
        metric: key of the metric.
    """
    title = "## Magnitude pruning above random pruning?\n\n"
    if not comparisons:
        return f"{title}Not told: no sparsity at which both were run."
    factor = metrics.factor(metric)
    rows = [
        [
            percent(c.sparsity, 1),
            f"{c.better.mean * factor:.2f} ({c.better.n})",
            f"{c.worse.mean * factor:.2f} ({c.worse.n})",
            f"{c.difference * factor:+.2f}",
            f"{c.spread * factor:.2f}",
            c.verdict,
        ]
        for c in comparisons
    ]
    header = ["Sparsity", "Magnitude (n)", "Random (n)", "Difference", "Spread", "Above?"]
    return (
        f"{title}{_summary(comparisons)}\n\n{table(header, rows)}\n\n"
        f"Means of {metrics.label(metric)} over seeds. Spread: best minus worst seed, of the two "
        "techniques the larger. Above: the difference is larger than the spread."
    )


def _summary(comparisons):
    told = [c for c in comparisons if not c.verdict.startswith("not told")]
    above = [c for c in told if c.verdict == "yes"]
    if not told:
        return "Not told: it needs 2 or more seeds of both at one sparsity."
    if not above:
        return f"No: not by more than the spread over seeds at {_sparsities(told)}."
    text = f"By more than the spread over seeds at {_sparsities(above)}"
    others = [c for c in told if c not in above]
    return f"{text}; not at {_sparsities(others)}." if others else f"Yes. {text}."


def _sparsities(comparisons):
    return ", ".join(percent(c.sparsity, 1) for c in comparisons)


def _best(aggregates, technique, target, metric):
    own = [a for a in aggregates if (a.technique, a.target_sparsity) == (technique, target)]

    def in_validation(aggregate):
        values = [run.result.get(f"val_{metric}") for run in aggregate.runs]
        return -1.0 if None in values else statistics.fmean(values)

    return max(own, key=in_validation, default=None)
