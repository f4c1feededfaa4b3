"""Which technique is best at each sparsity, and above which others by more than seeds differ."""

from collections.abc import Sequence

from state_of_sparsity import extras
from state_of_sparsity.analysis import metrics
from state_of_sparsity.analysis.comparison import SEEDS, Level, levels
from state_of_sparsity.analysis.markdown import percent
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
    rows = [_row(level, each, metric) for level in found for each in level.ranked]
    lines = [_answer(level) for level in found]
    text = (
        f"{' '.join(lines)} Spread: best minus worst seed, of the two techniques the larger; both "
        f"need {SEEDS} seeds. Of several settings the one best in validation counts. Penalties "
        "count where the density they led to is within a factor of 1.3."
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
    by_place = {(a.sparsity, a.mean): a for a in aggregates}
    return [by_place[place] for place in upper_envelope(by_place)]


def _row(level, aggregate, metric):
    below = level.below(aggregate)
    return {
        "Sparsity": percent(level.sparsity, 1),
        "Technique": aggregate.curve,
        "Reached": percent(aggregate.sparsity),
        capital(metrics.label(metric)): f"{mean(aggregate, metric)} ({aggregate.n})",
        BETTER: _names(c for c in below if c.verdict == "yes"),
        ALIKE: _names(c for c in below if c.is_told and c.verdict != "yes"),
        NOT_TOLD: _names(c for c in below if not c.is_told),
    }


def _answer(level: Level):
    best, below = level.ranked[0], level.below(level.ranked[0])
    told = [c for c in below if c.is_told]
    count = sum(c.verdict == "yes" for c in told)
    of = "all" if count == len(below) else f"{count} of {len(below)}"
    clear = f"above {of} others by more than the spread over seeds" if told else "too few seeds"
    return f"{percent(level.sparsity, 1)}: {best.curve}, {clear}."


def _names(comparisons):
    return "; ".join(c.worse.curve for c in comparisons) or None
