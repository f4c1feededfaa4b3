"""The plot of rounds of pruning: accuracy, and when to stop early, against the weights left."""

import collections
import os
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence

from state_of_sparsity import extras
from state_of_sparsity.analysis import metrics, plots, words
from state_of_sparsity.analysis.rounds import Round

with extras.explained():
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullLocator

Value = Callable[[Round], float | None]


def weights_left(
    curves: Mapping[str, Iterable[Round]], path: str | os.PathLike, metric: str = "accuracy"
) -> str | os.PathLike:
    """Draws a metric, and the step of the smallest validation loss, against the weights left.

    Points are means over the runs of a round, such as those of several seeds; bars go from the
    smallest to the largest. The weights left have a logarithmic scale, from all to few.

    Args:
        curves: rounds by what they are called; those of several directories, one after another.
        path: the PNG file to write; SVG and PDF are written beside it.
        metric: its key in `result.json`.

    Returns:
        `path`.

    Reference: Frankle and Carbin, "The Lottery Ticket Hypothesis", 2019, figures 1, 3 and 4.
    """
    curves = {name: list(runs) for name, runs in curves.items()}
    factor = metrics.factor(metric)

    def judged(each):
        value = each.run.result.get(metric)
        return None if value is None else factor * value

    values: dict[str, Value] = {metrics.label(metric): judged}
    if any(each.early_stop for runs in curves.values() for each in runs):
        values["step of the smallest validation loss"] = lambda each: each.early_stop.get("step")
    figure = Figure(figsize=(5 * len(values) + 1, 4.5), layout="constrained")
    panels = figure.subplots(1, len(values), squeeze=False)[0]
    styles = plots.curve_styles(curves)
    for axes, (label, value) in zip(panels, values.items(), strict=True):
        for name, runs in curves.items():
            color, marker = styles[name]
            _draw(axes, by_round(runs, value), words.capital(name), color=color, marker=marker)
        axes.set_ylabel(words.capital(label))
        _set_axis(axes)
    handles, labels = panels[0].get_legend_handles_labels()
    place = {"loc": "outside lower center", "ncols": 3, "frameon": False, "fontsize": 9}
    figure.legend(handles, labels, **place)
    return plots.save(figure, path)


def by_round(runs: Iterable[Round], value: Value) -> list[tuple[float, list[float]]]:
    """Returns the mean of the weights left, in percent, and the values of each round.

    Args:
        runs: the runs.
        value: what is asked of each; None is left out.
    """
    groups: dict[int, list[tuple[float, float]]] = collections.defaultdict(list)
    for each in runs:
        found = value(each)
        if found is not None:
            groups[each.number].append((100 * each.weights_left, found))
    return [
        (statistics.fmean(left for left, _ in pairs), [found for _, found in pairs])
        for _, pairs in sorted(groups.items())
    ]


def _draw(axes, points: Sequence[tuple[float, list[float]]], name, **style):
    means = [statistics.fmean(values) for _, values in points]
    below = [mean - min(values) for mean, (_, values) in zip(means, points, strict=True)]
    above = [max(values) - mean for mean, (_, values) in zip(means, points, strict=True)]
    counts = sorted({len(values) for _, values in points})
    seeds = "-".join(map(str, dict.fromkeys((counts[0], counts[-1])))) if counts else "0"
    axes.errorbar(
        [left for left, _ in points],
        means,
        yerr=[below, above],
        capsize=3,
        markersize=4,
        label=f"{name} (n={seeds})",
        **style,
    )


def _set_axis(axes):
    axes.set_xscale("log")
    axes.invert_xaxis()
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 3.0, 5.0, 7.0)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(lambda left, _: f"{left:g}")
    axes.set_xlabel("Weights left (%)")
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
