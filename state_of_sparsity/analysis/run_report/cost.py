"""What techniques cost: time and memory as measured, multiply-adds as counted."""

import collections
import statistics
from collections.abc import Callable, Sequence

from state_of_sparsity import extras
from state_of_sparsity.analysis.markdown import percent
from state_of_sparsity.analysis.results import Aggregate, Run
from state_of_sparsity.analysis.run_files import read_peak_memory
from state_of_sparsity.analysis.run_report.section import Section

with extras.explained():
    import pandas as pd

_TEXT = (
    "Medians over runs; in brackets in those of the dense runs of the same model, data set, steps "
    "and batch size. Seconds a step: all of training, evaluations too, by its steps, on the "
    "machine that each run had. Memory: the peak of the process, libraries and data included, of "
    "an accelerator where there is one; in a sweep, which trains many runs in one process, it "
    "grows from run to run. Multiply-adds are those of hardware that skips zeros. Training: each "
    "step's layers, gradients by inputs and gradients by weights, with the zeros and the dense "
    "parts that the technique had then. Inference: of the trained network, an example."
)
_IN_DENSE = ("Seconds a step", "Training multiply-adds", "Inference multiply-adds")


def section(aggregates: Sequence[Aggregate]) -> Section | None:
    """Returns a row a setting; None where no run has recorded anything of it.

    Args:
        aggregates: statistics over seeds.
    """
    dense = collections.defaultdict(list)
    for each in aggregates:
        for run in each.runs if each.technique == "dense" else ():
            dense[_length(run)].append(run)
    rows = [_row(each, dense) for each in aggregates]
    table = pd.DataFrame(rows)
    if not table[list(_COLUMNS)].notna().any(axis=None):
        return None
    return Section("Cost", _TEXT, table)


def _row(aggregate, dense):
    cells = {
        "Technique": aggregate.curve,
        "Setting": aggregate.setting or None,
        "Sparsity": percent(aggregate.sparsity),
    }
    for column, (read, shown) in _COLUMNS.items():
        value = _median(aggregate.runs, read)
        ratio = _in_dense(aggregate.runs, dense, read) if column in _IN_DENSE else None
        relative = "" if ratio is None else f" ({ratio:.2f})"
        cells[column] = None if value is None else f"{shown(value)}{relative}"
    return cells


def _in_dense(runs, dense, read):
    """Returns the median of runs in that of dense ones as long as each; None where one has none."""
    pairs = [(read(run), _median(dense[_length(run)], read)) for run in runs]
    known = [(value, base) for value, base in pairs if value is not None]
    if not known or not all(base for _, base in known):
        return None
    return statistics.median(value / base for value, base in known)


def _length(run):
    return run.task, run.result.get("steps"), run.result.get("batch_size")


def _median(runs, read):
    values = [value for value in map(read, runs) if value is not None]
    return statistics.median(values) if values else None


def _seconds(run: Run):
    taken, steps = run.result.get("wall_time_s"), run.result.get("steps")
    return taken / steps if taken is not None and steps else None


def _memory(run: Run):
    return read_peak_memory(run.path)


def _counted(name) -> Callable[[Run], float | None]:
    return lambda run: run.result.get(name)


def _count(value):
    return f"{value:,.0f}" if value < 1e6 else f"{value:.3g}"


# By the head of its column: how it is read of a run, and how it is shown.
_COLUMNS: dict[str, tuple[Callable[[Run], float | None], Callable[[float], str]]] = {
    "Seconds a step": (_seconds, "{:.3g}".format),
    "Peak memory (MB)": (_memory, lambda value: f"{value / 1e6:,.0f}"),
    "Training multiply-adds": (_counted("training_multiply_adds"), _count),
    "Inference multiply-adds": (_counted("sparse_multiply_adds"), _count),
}
