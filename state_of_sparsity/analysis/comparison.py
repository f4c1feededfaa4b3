"""Is one technique better than another by more than seeds differ?"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from state_of_sparsity.analysis import metrics
from state_of_sparsity.analysis.markdown import percent, table
from state_of_sparsity.analysis.results import Aggregate
from state_of_sparsity.table_cells import for_markdown

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
        """How many seeds the technique has that has fewer; copies of a run are one."""
        return min(len(_seeds(self.better)), len(_seeds(self.worse)))

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


def starts_text(comparisons: Sequence[Comparison], metric: str) -> str:
    """Returns comparisons with runs that began from masks as a section in Markdown; "" of none.

    Args:
        comparisons: what `compare_with_starts` returned.
        metric: key of the metric.
    """
    if not comparisons:
        return ""
    factor = metrics.factor(metric)
    rows = [[for_markdown(c.worse.curve), *_cells(c, factor)] for c in comparisons]
    header = ["Masks of others", "Sparsity", "Pruned (n)", "Mean (n)"]
    header += ["Difference", "Spread", "Pruned above?"]
    return (
        "## Magnitude pruning above runs that begin from masks?\n\n"
        f"{table(header, rows)}\n\nMeans of {for_markdown(metrics.label(metric))} over n seeds. "
        "Pruned: of several settings of magnitude pruning, the best. Spread: best minus worst "
        "seed, of the two the larger. Above: the difference is larger than the spread."
    )


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
    several = len({c.better.curve for c in comparisons}) > 1
    rows = [[for_markdown(c.better.curve), *_cells(c, factor)] for c in comparisons]
    header = ["Sparsity", "Magnitude (n)", "Random (n)", "Difference", "Spread", "Above?"]
    rows = rows if several else [row[1:] for row in rows]
    return (
        f"{title}{_summary(comparisons)}\n\n"
        f"{table(['Technique', *header] if several else header, rows)}\n\n"
        f"Means of {for_markdown(metrics.label(metric))} over n seeds. Spread: best minus worst "
        "seed, of the two techniques the larger. Above: the difference is larger than the spread."
    )


def _cells(comparison, factor):
    """Returns the cells of a table from the sparsity on."""
    better, worse = comparison.better, comparison.worse
    return [
        percent(comparison.sparsity, 1),
        f"{better.mean * factor:.2f} ({better.n})",
        f"{worse.mean * factor:.2f} ({worse.n})",
        f"{round(comparison.difference * factor, 2) + 0.0:+.2f}",
        f"{comparison.spread * factor:.2f}",
        comparison.verdict,
    ]


def _summary(comparisons):
    curves = dict.fromkeys(c.better.curve for c in comparisons)
    if len(curves) == 1:
        return _answer(comparisons)
    lines = [
        f"- {for_markdown(curve)}: {_answer([c for c in comparisons if c.better.curve == curve])}"
        for curve in curves
    ]
    return "\n".join(lines)


def _answer(comparisons):
    told = [c for c in comparisons if c.is_told]
    above = [c for c in told if c.verdict == "yes"]
    if not told:
        seeds = sorted({c.seeds for c in comparisons})
        return (
            f"Not told: it needs {SEEDS} or more seeds of both at one sparsity, and there are "
            f"{' or '.join(map(str, seeds))}."
        )
    if not above:
        return f"No: not by more than the spread over seeds at {_sparsities(told)}."
    text = f"By more than the spread over seeds at {_sparsities(above)}"
    others = [c for c in told if c not in above]
    rest = [c for c in comparisons if c not in told]
    text += f"; not at {_sparsities(others)}" if others else ""
    text += f"; not told at {_sparsities(rest)}" if rest else ""
    return f"{text}." if others else f"Yes. {text}."


def _sparsities(comparisons):
    return ", ".join(percent(c.sparsity, 1) for c in comparisons)


def _seeds(aggregate):
    # A run that did not record its seed counts as itself.
    seeds = ((run.result.get("seed"), run.path) for run in aggregate.runs)
    return {path if seed is None else seed for seed, path in seeds}


def _best(aggregates, target, metric):
    own = [a for a in aggregates if a.target_sparsity == target]

    def in_validation(aggregate):
        values = [run.result.get(f"val_{metric}") for run in aggregate.runs]
        return -1.0 if None in values else statistics.fmean(values)

    return max(own, key=in_validation, default=None)
