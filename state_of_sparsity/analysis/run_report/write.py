"""`write_report`: a Markdown report with plots on a set of runs."""

import collections
import os
import pathlib
from collections.abc import Callable, Iterable

from state_of_sparsity import atomic_write
from state_of_sparsity.analysis import metrics, one_sparsity_plot, plots, results, run_facts
from state_of_sparsity.analysis.comparison import compare, compare_with_starts
from state_of_sparsity.analysis.comparison_text import comparison_text, starts_text
from state_of_sparsity.analysis.markdown import code, percent, table
from state_of_sparsity.analysis.pareto import interpolate, upper_envelope
from state_of_sparsity.analysis.words import capital
from state_of_sparsity.table_cells import for_markdown

TITLE = "# Report on"
_REASONS = 3  # in a message; the report lists all


def write_report(
    run_dirs: Iterable[str | os.PathLike],
    output_dir: str | os.PathLike,
    metric: str | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> pathlib.Path:
    """Writes `report.md` and its plots, each as PNG, SVG and PDF, on a set of runs.

    Args:
        run_dirs: run directories. Those that are not finished, failed, or cannot be read are
            listed as such.
        output_dir: the directory to write to; made if need be.
        metric: key in `result.json` of the metric, of which more is better; the first that more
            than half of the runs have if `None`. Runs without it are listed as failed.
        tell: called with a line on each run that is not counted.

    Returns:
        Path of the report.

    Raises:
        ValueError: if no run can be used, or the runs share no metric.
    """
    run_dirs, output_dir = sorted(map(pathlib.Path, run_dirs)), pathlib.Path(output_dir)
    runs, others = results.read_runs(run_dirs)
    _check_some(runs, others)
    metric = metric or metrics.metric_of(runs)
    others |= {r.path: f"result.json has no {metric}" for r in runs if metric not in r.result}
    runs = [run for run in runs if metric in run.result]
    _check_some(runs, others)
    for path, reason in others.items():
        tell(f"Not counted: {path}: {reason}")
    aggregates = results.aggregate(runs, metric)
    parts = [_head(runs, others, metric), _by_sparsity(aggregates, metric)]
    from_masks = compare_with_starts(aggregates, metric)
    with_random = compare(aggregates, metric)
    if with_random or not from_masks:
        parts.append(comparison_text(with_random, metric))
    parts.append(starts_text(from_masks, metric))
    parts.append(_plots(aggregates, metric, output_dir))
    root = pathlib.Path(os.path.commonpath([path.absolute().parent for path in run_dirs]))
    parts += [_all_settings(aggregates, metric), _all_runs(runs, aggregates, metric, root)]
    if others:
        reasons = {path: reason.replace("`", "'") for path, reason in others.items()}
        rows = [[_name(path, root), for_markdown(reason)] for path, reason in reasons.items()]
        parts.append(f"## Not finished or failed\n\n{table(['Run', 'Why'], rows)}")
    path = output_dir / "report.md"
    atomic_write.write_text(path, "\n\n".join(part for part in parts if part) + "\n")
    return path


def _check_some(runs, others):
    if not runs:
        reasons = [f"{path}: {reason}" for path, reason in list(others.items())[:_REASONS]]
        more = ["..."] if len(others) > _REASONS else []
        raise ValueError(
            f"`run_dirs` must hold a finished run that can be used. Received: {len(others)}. "
            + "; ".join([*reasons, *more])
        )


def _head(runs, others, metric):
    text = f"{TITLE} {_runs(len(runs))}\n\nMetric: {for_markdown(metrics.label(metric))}."
    told = run_facts.facts(runs)
    text += f" {for_markdown(told)}" if told else ""
    if others:
        text += f" Not counted: {_runs(len(others))} not finished or failed, listed at the end."
    return text


def _by_sparsity(aggregates, metric):
    """A row a curve, a column a sparsity; read off the envelope where a penalty decides."""
    targets = sorted({a.target_sparsity for a in aggregates if a.target_sparsity})
    rows = []
    for curve, own in _by_curve(aggregates).items():
        if own[0].technique == "dense":
            cells = [_cell(own, metric), *[None] * len(targets)]
        else:
            cells = [None, *(_cell_at(own, target, metric) for target in targets)]
        rows.append([for_markdown(curve), *cells])
    header = ["Technique", "0 %", *(percent(target, 1) for target in targets)]
    title = for_markdown(capital(metrics.label(metric)))
    text = (
        f"## {title} at each sparsity\n\n{table(header, rows)}\n\n"
        "Mean ± sample standard deviation over seeds (n seeds)."
    )
    if any(len(a.runs) > a.n for a in aggregates):
        text += " Runs of one seed count once, with their mean."
    if any((cell or "").startswith("~") for row in rows for cell in row):
        text += (
            " `~`: a penalty, or a sparsity for each layer, sets that of the whole; read off the "
            "upper envelope of the means, between two sparsities that were reached."
        )
    return text


def _cell_at(aggregates, target, metric):
    exact = [a for a in aggregates if a.target_sparsity == target]
    if exact:
        return _cell(exact, metric)
    free = [(a.sparsity, a.mean) for a in aggregates if a.target_sparsity is None]
    value = interpolate(upper_envelope(free), target)
    return None if value is None else f"~{value * metrics.factor(metric):.2f}"


def _cell(aggregates, metric):
    return "; ".join(f"{_mean(a, metric)} ({a.n})" for a in aggregates)


def _mean(aggregate, metric):
    factor = metrics.factor(metric)
    spread = f" ± {aggregate.std * factor:.2f}" if aggregate.n > 1 else ""
    return f"{aggregate.mean * factor:.2f}{spread}"


def _by_curve(aggregates):
    curves = collections.defaultdict(list)
    for each in aggregates:
        curves[each.curve].append(each)
    return curves


def _plots(aggregates, metric, output_dir):
    if one_sparsity_plot.fits(aggregates):
        one_sparsity_plot.draw(aggregates, metric, output_dir / "trade_off.png")
        told = "Large marks are means over seeds, lines go from the worst to the best seed, dots "
    else:
        plots.trade_off(aggregates, metric, output_dir / "trade_off.png")
        told = "Lines join means over seeds, bars go from the worst to the best seed, dots "
    text = (
        f"## Trade-off\n\n![Metric against sparsity](trade_off.png)\n\n{_formats('trade_off')} "
        f"{told}are runs."
    )
    layers = _layers(aggregates)
    if layers:
        title = run_facts.title(run for a in aggregates for run in a.runs)
        plots.sparsity_by_layer(layers, output_dir / "sparsity_by_layer.png", title)
        text += (
            "\n\n## Sparsity by layer\n\n![Sparsity by layer](sparsity_by_layer.png)\n\n"
            f"{_formats('sparsity_by_layer')} One run of each technique, of those nearest to a "
            "sparsity that all come near to."
        )
    return text


def _formats(name):
    return f"Also as [SVG]({name}.svg) and [PDF]({name}.pdf)."


def _layers(aggregates):
    """Returns rows of `report.csv` by curve, of those that have the kernels that most have.

    Masks that came from other runs are left out where these are shown.
    """
    own = [a for a in aggregates if not (a.technique == "fixed_mask" and a.runs[0].start)]
    sparse = [a for a in own if a.technique != "dense"]
    chosen = _nearest_in_sparsity(sparse or aggregates)
    layers = {curve: aggregate.runs[0].layers() for curve, aggregate in chosen.items()}
    kernels = {curve: tuple(r["path"] for r in rows) for curve, rows in layers.items() if rows}
    if not kernels:
        return {}
    ((most, _),) = collections.Counter(kernels.values()).most_common(1)
    return {curve: layers[curve] for curve, paths in kernels.items() if paths == most}


def _nearest_in_sparsity(aggregates):
    """Returns for each curve the runs nearest to the sparsity that all come nearest to."""
    sparse = [a for a in aggregates if a.technique != "dense"]
    curves = _by_curve(sparse)

    def nearest(sparsity):
        return {
            curve: min(own, key=lambda a: abs(a.sparsity - sparsity))
            for curve, own in curves.items()
        }

    def worst_miss(sparsity):
        return max(abs(a.sparsity - sparsity) for a in nearest(sparsity).values())

    targets = sorted({a.target_sparsity or a.sparsity for a in sparse}, reverse=True)
    return nearest(min(targets, key=worst_miss)) if targets else {}


def _all_settings(aggregates, metric):
    factor = metrics.factor(metric)
    rows = [
        [
            for_markdown(a.curve),
            for_markdown(a.setting) or None,
            percent(a.target_sparsity, 1),
            percent(a.sparsity),
            a.n,
            _mean(a, metric),
            f"{a.min * factor:.2f} to {a.max * factor:.2f}",
        ]
        for a in aggregates
    ]
    header = ["Technique", "Setting", "Target", "Sparsity reached", "Seeds", "Mean ± std", "Range"]
    return f"## Every setting\n\n{table(header, rows)}"


def _all_runs(runs, aggregates, metric, root):
    curves = {run.path: a.curve for a in aggregates for run in a.runs}
    differing = run_facts.differing(runs, ("optimizer", "learning_rate", "batch_size"))
    rows = [
        [
            _name(run.path, root),
            for_markdown(curves[run.path]),
            percent(run.target_sparsity, 1),
            percent(run.sparsity),
            f"{run.result[metric] * metrics.factor(metric):.2f}",
            *(for_markdown(run_facts.shown(run, key) or "") for key in differing),
            run.result.get("seed"),
            run.result.get("steps"),
            _seconds(run.result.get("wall_time_s")),
            for_markdown(run.result.get("config_hash") or ""),
        ]
        for run in runs
    ]
    header = [
        "Run",
        "Technique",
        "Target",
        "Sparsity",
        for_markdown(capital(metrics.label(metric))),
    ]
    header += [*map(run_facts.name, differing), "Seed", "Steps", "Wall time (s)", "Configuration"]
    return f"## Every run\n\n{table(header, rows)}"


def _name(path, root):
    return code(str(path.absolute().relative_to(root)))


def _runs(count):
    return f"{count} run" + ("s" if count != 1 else "")


def _seconds(value):
    return None if value is None else f"{value:.1f}"
