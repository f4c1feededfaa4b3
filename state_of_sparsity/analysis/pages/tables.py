"""Tables of a page that compares techniques by sparsity."""

import collections
import itertools
import math
import re
import statistics
from collections.abc import Iterable, Sequence

from state_of_sparsity.analysis import metrics
from state_of_sparsity.analysis.comparison import Comparison
from state_of_sparsity.analysis.markdown import table
from state_of_sparsity.analysis.pages.cells import (
    LEVELS,
    OTHER_THRESHOLDS,
    TECHNIQUES,
    at_level,
    settings,
)
from state_of_sparsity.analysis.results import Aggregate


def results(found: Iterable[Aggregate], metric: str) -> str:
    """Returns a line for each technique and setting."""
    factor = metrics.factor(metric)
    rows = [
        [
            TECHNIQUES[a.curve],
            _setting(a),
            f"{100 * a.sparsity:.2f}",
            _mean(a, factor),
            _each_seed(a, metric),
            _multiply_adds(a),
        ]
        for a in found
    ]
    score = _label(metric)
    return _with_multiply_adds(["Technique", "Setting", "Sparsity (%)", score, "Each seed"], rows)


def orderings(found: Sequence[Aggregate], metric: str, pairs: Iterable[tuple[str, str]]) -> str:
    """Returns for each pair of techniques and each level what the seeds say.

    Args:
        found: what `aggregates` returned.
        metric: a column.
        pairs: `(better, worse)`, curves: what papers found.
    """
    factor, rows = metrics.factor(metric), []
    for better, worse in pairs:
        for level in LEVELS:
            a, b = at_level(found, better, level), at_level(found, worse, level)
            if a is None or b is None or min(a.n, b.n) < 2:
                continue  # one seed tells no order
            comparison = Comparison(level, a, b)
            rows.append(
                [
                    f"{_title(a)} above {_title(b)}",
                    f"{100 * a.sparsity:.1f}, {100 * b.sparsity:.1f}",
                    f"{a.mean * factor:.2f} ({a.n})",
                    f"{b.mean * factor:.2f} ({b.n})",
                    f"{comparison.difference * factor:+.2f}",
                    comparison.verdict,
                ]
            )
    if not rows:
        return "No two techniques have several seeds at one sparsity yet."
    header = [
        "Ordering",
        "Sparsities (%)",
        "First (seeds)",
        "Second (seeds)",
        "Difference",
        "Holds",
    ]
    return table(header, rows)


def variants(pairs: Sequence[tuple[Aggregate | None, Aggregate]], metric: str) -> str:
    """Returns a line for each pair of `cells.variants`: without and with the setting more."""
    if not pairs:
        return "Not measured yet."
    factor, rows = metrics.factor(metric), []
    for base, variant in pairs:
        rows.append(
            [
                TECHNIQUES[variant.curve],
                _named(variant.setting),
                ", ".join(_percent(a.sparsity) for a in (variant, base) if a),
                f"{_mean(variant, factor)} ({variant.n})",
                f"{_mean(base, factor)} ({base.n})" if base else None,
                f"{(variant.mean - base.mean) * factor:+.2f}" if base else None,
            ]
        )
    scores = f"{_label(metric)} (seeds)", "Without the last one", "Difference"
    return table(["Technique", "Settings", "Sparsities (%)", *scores], rows)


def layers(found: Sequence[Aggregate], level: float) -> str:
    """Returns the sparsity of each kernel at a level; kernels of a stack's layers in one line."""
    chosen = [a for t in TECHNIQUES if t != "Dense" and (a := at_level(found, t, level))]
    if not chosen:
        return f"No runs at {100 * level:g} % yet."
    columns = [_sparsity_by_kind(a) for a in chosen]
    kinds = dict.fromkeys(itertools.chain.from_iterable(columns))
    rows = [[kind, *(_percent(column.get(kind)) for column in columns)] for kind in kinds]
    rows.append(["all", *(_percent(a.sparsity) for a in chosen)])
    return table(["Sparsity (%) of", *(TECHNIQUES[a.curve] for a in chosen)], rows)


def _sparsity_by_kind(aggregate):
    """Returns `{kind: sparsity}` of kernels that differ in the number of their layer alone."""
    kept, sizes = collections.Counter(), collections.Counter()
    for kernel in itertools.chain.from_iterable(run.result["kernels"] for run in aggregate.runs):
        kind = re.sub(r"^(encoder|decoder)_\d+_", r"\1s: ", kernel["path"].partition("/")[0])
        kept[kind] += kernel["nonzero"]
        sizes[kind] += kernel["size"]
    return {kind.replace("_", " "): 1 - kept[kind] / sizes[kind] for kind in sizes}


def layer_sparsities(aggregate: Aggregate) -> list[float]:
    """Returns the sparsity of each kernel, a fraction, the mean over seeds."""
    kernels = zip(*(run.result["kernels"] for run in aggregate.runs), strict=True)
    return [statistics.fmean(1 - k["nonzero"] / k["size"] for k in each) for each in kernels]


def times(found: Sequence[Aggregate]) -> str:
    """Returns what a step and a run of each technique took."""
    rows = []
    for curve, title in TECHNIQUES.items():
        results = [run.result for a in found if a.curve == curve for run in a.runs]
        if results:
            steps = [1000 * r["wall_time_s"] / r["steps"] for r in results]
            minutes = [r["wall_time_s"] / 60 for r in results]
            low, high = min(minutes), max(minutes)
            rows.append(
                [
                    title,
                    len(results),
                    f"{statistics.median(steps):.0f}",
                    f"{statistics.median(minutes):.1f}",
                    f"{low:.1f} to {high:.1f}",
                ]
            )
    return table(["Technique", "Runs", "ms a step", "Minutes a run", "Fastest and slowest"], rows)


def thresholds(found: Sequence[Aggregate], metric: str) -> str:
    """Returns what dropping other log alphas leaves of runs of variational dropout.

    Args:
        found: what `thresholds.aggregates` returned.
        metric: a column.
    """
    if not found:
        return "Not measured yet."
    factor = metrics.factor(metric)
    rows = [
        [
            _named(a.setting),
            _percent(a.sparsity),
            _mean(a, factor),
            _each_seed(a, metric),
            _multiply_adds(a),
        ]
        for a in found
    ]
    return _with_multiply_adds(["Setting", "Sparsity (%)", _label(metric), "Each seed"], rows)


def with_deviation(mean: float, deviation: float) -> str:
    """Returns a mean over seeds with their standard deviation, NaN for a single seed."""
    return f"{mean:.2f}" if math.isnan(deviation) else f"{mean:.2f} ± {deviation:.2f}"


def _title(aggregate):
    if aggregate.curve != OTHER_THRESHOLDS:
        return TECHNIQUES[aggregate.curve]
    return f"variational dropout ({_named(aggregate.setting)})"


def _setting(aggregate):
    if aggregate.target_sparsity is not None or aggregate.technique == "dense":
        return None
    return _named(aggregate.setting)


def _named(setting):
    return ", ".join(f"{name} = {value}" for name, value in settings(setting))


def _label(metric):
    name = metrics.label(metric).replace("test ", "")
    return name[:1].upper() + name[1:]


def _mean(aggregate, factor):
    return with_deviation(aggregate.mean * factor, aggregate.std * factor)


def _each_seed(aggregate, metric):
    factor = metrics.factor(metric)
    return ", ".join(f"{run.result[metric] * factor:.2f}" for run in aggregate.runs)


def _with_multiply_adds(header, rows):
    """Returns a table; the last column of rows is left out where no run has it."""
    if any(row[-1] for row in rows):
        return table([*header, "Multiply-adds left (%)"], rows)
    # Sentences have many lengths.
    return table(header, [row[:-1] for row in rows])


def _multiply_adds(aggregate):
    names = ("sparse_multiply_adds", "multiply_adds")
    counts = [tuple(run.result.get(name) for name in names) for run in aggregate.runs]
    if any(None in pair for pair in counts):
        return None
    return f"{100 * statistics.fmean(left / whole for left, whole in counts):.1f}"


def _percent(fraction):
    return None if fraction is None else f"{100 * fraction:.1f}"
