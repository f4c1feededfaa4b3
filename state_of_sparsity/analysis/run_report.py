"""`write_report`: a Markdown report with plots on a set of runs."""

import os
import pathlib
from collections.abc import Iterable

from state_of_sparsity import atomic_write
from state_of_sparsity.analysis import metrics, plots, results
from state_of_sparsity.analysis.comparison import compare, comparison_text
from state_of_sparsity.analysis.markdown import percent, table
from state_of_sparsity.analysis.pareto import interpolate, upper_envelope


def write_report(
    run_dirs: Iterable[str | os.PathLike], output_dir: str | os.PathLike, metric: str | None = None
) -> pathlib.Path:
    """Writes `report.md`, `trade_off.png` and `sparsity_by_layer.png` on a set of runs.

    Args:
        run_dirs: run directories. Those that are not finished, or failed, are listed as such.
        output_dir: the directory to write to; made if need be.
        metric: key in `result.json` of the metric, of which more is better; the first that all
            runs have if `None`.

    Returns:
        Path of the report.

    Raises:
        ValueError: if no run is finished, or the runs share no metric.
    """
    run_dirs, output_dir = sorted(map(pathlib.Path, run_dirs)), pathlib.Path(output_dir)
    runs, others = results.read_runs(run_dirs)
    if not runs:
        reasons = "".join(f"\n  {path}: {reason}" for path, reason in others.items())
        raise ValueError(f"`run_dirs` must hold a finished run. Received: {len(others)}.{reasons}")
    metric = metric or metrics.metric_of(runs)
    aggregates = results.aggregate(runs, metric)
    parts = [_head(runs, others, metric), _by_sparsity(aggregates, metric)]
    parts.append(comparison_text(compare(aggregates, metric), metric))
    parts.append(_plots(aggregates, metric, output_dir))
    root = pathlib.Path(os.path.commonpath([path.absolute().parent for path in run_dirs]))
    parts += [_all_settings(aggregates, metric), _all_runs(runs, metric, root)]
    if others:
        rows = [[_name(path, root), reason] for path, reason in others.items()]
        parts.append(f"## Not finished or failed\n\n{table(['Run', 'Why'], rows)}")
    path = output_dir / "report.md"
    atomic_write.write_text(path, "\n\n".join(part for part in parts if part) + "\n")
    return path


def _head(runs, others, metric):
    seeds = sorted({run.result["seed"] for run in runs if run.result.get("seed") is not None})
    steps = sorted({run.result["steps"] for run in runs if run.result.get("steps") is not None})
    text = f"# Report on {_runs(len(runs))}\n\nMetric: {metrics.label(metric)}."
    if steps:
        text += f" Optimizer steps: {', '.join(f'{n:,}' for n in steps)}."
    if seeds:
        text += f" Seeds: {', '.join(map(str, seeds))}."
    if others:
        text += f" Not counted: {_runs(len(others))} not finished or failed, listed at the end."
    return text


def _by_sparsity(aggregates, metric):
    """A row a technique, a column a sparsity; read off the envelope where a penalty decides."""
    targets = sorted({a.target_sparsity for a in aggregates if a.target_sparsity})
    techniques = list(dict.fromkeys(a.technique for a in aggregates))
    rows = []
    for technique in techniques:
        own = [a for a in aggregates if a.technique == technique]
        if technique == "dense":
            cells = [_cell(own, metric), *[None] * len(targets)]
        else:
            cells = [None, *(_cell_at(own, target, metric) for target in targets)]
        rows.append([technique, *cells])
    header = ["Technique", "0 %", *(percent(target, 1) for target in targets)]
    return (
        f"## {_capital(metrics.label(metric))} at each sparsity\n\n{table(header, rows)}\n\n"
        "Mean ± sample standard deviation over seeds (n seeds). `~`: a penalty sets the sparsity; "
        "read off the upper envelope of the means, between two sparsities that were reached."
    )


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


def _plots(aggregates, metric, output_dir):
    plots.trade_off(aggregates, metric, output_dir / "trade_off.png")
    text = (
        "## Trade-off\n\n![Metric against sparsity](trade_off.png)\n\n"
        "Lines join means over seeds, bars go from the worst to the best seed, dots are runs."
    )
    chosen = _nearest_in_sparsity(aggregates)
    layers = {technique: aggregate.runs[0].layers() for technique, aggregate in chosen.items()}
    layers = {technique: rows for technique, rows in layers.items() if rows}
    if layers:
        plots.sparsity_by_layer(layers, output_dir / "sparsity_by_layer.png")
        text += (
            "\n\n## Sparsity by layer\n\n![Sparsity by layer](sparsity_by_layer.png)\n\n"
            "One run of each technique, of those nearest to a sparsity that all come near to."
        )
    return text


def _nearest_in_sparsity(aggregates):
    """Returns for each technique the runs nearest to the sparsity that all come nearest to."""
    sparse = [a for a in aggregates if a.technique != "dense"]
    by_technique = {a.technique: [b for b in sparse if b.technique == a.technique] for a in sparse}

    def nearest(sparsity):
        return {
            technique: min(own, key=lambda a: abs(a.sparsity - sparsity))
            for technique, own in by_technique.items()
        }

    def worst_miss(sparsity):
        return max(abs(a.sparsity - sparsity) for a in nearest(sparsity).values())

    targets = sorted({a.target_sparsity or a.sparsity for a in sparse}, reverse=True)
    return nearest(min(targets, key=worst_miss)) if targets else {}


def _all_settings(aggregates, metric):
    factor = metrics.factor(metric)
    rows = [
        [
            a.technique,
            a.setting or None,
            percent(a.target_sparsity, 1),
            percent(a.sparsity),
            a.n,
            _mean(a, metric),
            f"{a.min * factor:.2f} to {a.max * factor:.2f}",
        ]
        for a in aggregates
    ]
    header = ["Technique", "Setting", "Target", "Sparsity reached", "Runs", "Mean ± std", "Range"]
    return f"## Every setting\n\n{table(header, rows)}"


def _all_runs(runs, metric, root):
    rows = [
        [
            _name(run.path, root),
            run.technique,
            percent(run.target_sparsity, 1),
            percent(run.sparsity),
            f"{run.result[metric] * metrics.factor(metric):.2f}",
            run.result.get("seed"),
            run.result.get("steps"),
            _seconds(run.result.get("wall_time_s")),
            run.result.get("config_hash"),
        ]
        for run in runs
    ]
    header = ["Run", "Technique", "Target", "Sparsity", _capital(metrics.label(metric))]
    header += ["Seed", "Steps", "Wall time (s)", "Configuration"]
    return f"## Every run\n\n{table(header, rows)}"


def _name(path, root):
    return f"`{path.absolute().relative_to(root)}`"


def _runs(count):
    return f"{count} run" + ("s" if count != 1 else "")


def _seconds(value):
    return None if value is None else f"{value:.1f}"


def _capital(text):
    return text[:1].upper() + text[1:]
