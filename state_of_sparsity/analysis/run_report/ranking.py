"""Which technique is best at each sparsity, and above which others by more than seeds differ."""

from collections.abc import Sequence

from state_of_sparsity import extras
from state_of_sparsity.analysis import metrics
from state_of_sparsity.analysis.comparison import DENSITIES, SEEDS, levels
from state_of_sparsity.analysis.markdown import percent, percents
from state_of_sparsity.analysis.pareto import upper_envelope
from state_of_sparsity.analysis.results import Aggregate
from state_of_sparsity.analysis.run_report.by_sparsity import mean
from state_of_sparsity.analysis.run_report.section import Section
from state_of_sparsity.analysis.words import capital

with extras.explained():
    import pandas as pd

BETTER, ALIKE, NOT_TOLD = "Above by more than the spread", "Not told apart from", "Too few seeds"


def section(aggregates: Sequence[Aggregate], metric: str) -> Section | None:
    """Returns all techniques of each sparsity, the best first; None with fewer than two.

    Args:
        aggregates: statistics over seeds.
        metric: key of the metric.
    """
    found = levels(aggregates, metric)
    if not found:
        return None
    labels = percents(level.sparsity for level in found)
    rows = [row for level in found for row in _rows(level, labels, metric)]
    low, high = DENSITIES
    text = " ".join(
        [
            *(_answer(level, labels) for level in found),
            "Numbers are ranks. Spread: best minus worst seed, of the two techniques the larger; "
            f"both need {SEEDS} seeds. Of several settings the one best in validation counts, the "
            "first where that was not recorded; of a penalty's the nearest, if its density is "
            f"from {low:.2f} to {high:.2f} of the one asked for.",
        ]
    )
    return Section("Which technique is best at each sparsity?", text, pd.DataFrame(rows))


def frontier(aggregates: Sequence[Aggregate], metric: str) -> Section | None:
    """Returns what no other setting beats in sparsity and metric at once; None of dense runs alone.

    Args:
        aggregates: statistics over seeds.
        metric: key of the metric.
    """
    if all(a.technique == "dense" for a in aggregates):
        return None
    rows = [
        {
            "Sparsity": percent(a.sparsity),
            "Technique": a.curve,
            "Setting": a.setting or None,
            capital(metrics.label(metric)): f"{mean(a, metric)} ({a.n})",
        }
        for task in dict.fromkeys(a.runs[0].task for a in aggregates)
        for a in on_frontier([a for a in aggregates if a.runs[0].task == task])
    ]
    text = "Settings that no other beats in sparsity and in its mean over seeds at once."
    return Section("Pareto frontier", text, pd.DataFrame(rows))


def on_frontier(aggregates: Sequence[Aggregate]) -> list[Aggregate]:
    """Returns those that no other beats in sparsity and mean at once, by rising sparsity."""
    envelope = upper_envelope((a.sparsity, a.mean) for a in aggregates)
    return [a for place in envelope for a in aggregates if (a.sparsity, a.mean) == place]


def _rows(level, labels, metric):
    ranks = {aggregate.curve: rank for rank, aggregate in enumerate(level.ranked, start=1)}
    for aggregate in level.ranked:
        verdicts = {BETTER: [], ALIKE: [], NOT_TOLD: []}
        for comparison in level.below(aggregate):
            column = NOT_TOLD if not comparison.is_told else ALIKE
            column = BETTER if comparison.verdict == "yes" else column
            verdicts[column].append(str(ranks[comparison.worse.curve]))
        yield {
            "Sparsity": labels[level.sparsity],
            "Rank": ranks[aggregate.curve],
            "Technique": aggregate.curve,
            "Setting": aggregate.setting or None,
            "Reached": percent(aggregate.sparsity),
            capital(metrics.label(metric)): f"{mean(aggregate, metric)} ({aggregate.n})",
            **{column: ", ".join(others) or None for column, others in verdicts.items()},
        }


def _answer(level, labels):
    best, below = level.ranked[0], level.below(level.ranked[0])
    above = sum(c.verdict == "yes" for c in below)
    few = sum(not c.is_told for c in below)
    counts = {
        "above": "all others" if above == len(below) else _others(above),
        "not told apart from": _others(len(below) - above - few),
        "with too few seeds to tell it from": _others(few),
    }
    told = ", ".join(f"{how} {count}" for how, count in counts.items() if count)
    return f"{labels[level.sparsity]}: {best.curve}, {told}."


def _others(count):
    return f"{count} other{'s' if count > 1 else ''}" if count else None
