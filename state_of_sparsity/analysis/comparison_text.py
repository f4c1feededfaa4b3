"""Comparisons of techniques in words: sections of a report, in Markdown."""

from collections.abc import Sequence

from state_of_sparsity.analysis import metrics
from state_of_sparsity.analysis.comparison import SEEDS, Comparison
from state_of_sparsity.analysis.markdown import percent, table
from state_of_sparsity.table_cells import for_markdown


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
