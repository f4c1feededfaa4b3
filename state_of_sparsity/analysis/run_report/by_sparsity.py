"""The metric of every technique at each sparsity that was asked for."""

import collections
from collections.abc import Sequence

from state_of_sparsity import extras
from state_of_sparsity.analysis import metrics
from state_of_sparsity.analysis.comparison import asked_for
from state_of_sparsity.analysis.markdown import percents
from state_of_sparsity.analysis.pareto import interpolate, upper_envelope
from state_of_sparsity.analysis.results import Aggregate
from state_of_sparsity.analysis.run_report.section import Section
from state_of_sparsity.analysis.words import capital

with extras.explained():
    import pandas as pd


def section(aggregates: Sequence[Aggregate], metric: str) -> Section:
    """Returns a row a curve, a column a sparsity; read off the envelope where a penalty decides.

    Args:
        aggregates: statistics over seeds.
        metric: key of the metric.
    """
    labels = percents(asked_for([a for a in aggregates if a.technique != "dense"]))
    curves = collections.defaultdict(list)
    for each in aggregates:
        curves[each.curve].append(each)
    rows = []
    for curve, own in curves.items():
        if own[0].technique == "dense":
            cells = [_cell(own, metric), *[None] * len(labels)]
        else:
            cells = [None, *(_cell_at(own, target, metric) for target in labels)]
        rows.append([curve, *cells])
    text = "Mean ± sample standard deviation over seeds (n seeds)."
    if any(len(a.runs) > a.n for a in aggregates):
        text += " Runs of one seed count once, with their mean."
    if any((cell or "").startswith("~") for row in rows for cell in row):
        text += (
            " ~: a penalty, or a sparsity for each layer, sets that of the whole; read off the "
            "upper envelope of the means, between two sparsities that were reached."
        )
    header = ["Technique", "0 %", *labels.values()]
    title = f"{capital(metrics.label(metric))} at each sparsity"
    return Section(title, text, pd.DataFrame(rows, columns=header))


def mean(aggregate: Aggregate, metric: str) -> str:
    """Returns the mean over seeds, with their standard deviation where there are several."""
    factor = metrics.factor(metric)
    spread = f" ± {aggregate.std * factor:.2f}" if aggregate.n > 1 else ""
    return f"{aggregate.mean * factor:.2f}{spread}"


def _cell_at(aggregates, target, metric):
    exact = [a for a in aggregates if a.target_sparsity == target]
    if exact:
        return _cell(exact, metric)
    free = [(a.sparsity, a.mean) for a in aggregates if a.target_sparsity is None]
    value = interpolate(upper_envelope(free), target)
    return None if value is None else f"~{value * metrics.factor(metric):.2f}"


def _cell(aggregates, metric):
    return "; ".join(f"{mean(a, metric)} ({a.n})" for a in aggregates)
