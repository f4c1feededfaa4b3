"""The figures of a trained model, printed and as JSON values: counts, metrics, thresholds."""

import functools

from state_of_sparsity.bin import error_messages, users_errors
from state_of_sparsity.errors import UsageError
from state_of_sparsity.tables import aligned

LAYER_COLUMNS = (
    *("path", "technique", "shape", "size", "nonzero", "sparsity"),
    *("multiply_adds", "sparse_multiply_adds"),
)
_COLUMN_WIDTH = 10


def measure(experiment, model, split, thresholds=()):
    """Counts and evaluates a model, and prints each figure as soon as it is there.

    Args:
        experiment: the `Experiment` whose data, loss and metrics count.
        model: a trained model, sparse or stripped.
        split: "test" or "validation".
        thresholds: thresholds of variational dropout to evaluate too.

    Returns:
        A dict of JSON values: `split`, `metrics`, the report's totals, `layers`, and `thresholds`
        where there are some.

    Raises:
        UsageError: if model, data and thresholds do not fit together.
    """
    # These import Keras, which `--help` and a wrong flag need not wait for.
    from state_of_sparsity import accounting
    from state_of_sparsity.surgery import structure
    from state_of_sparsity.surgery.strip import strip
    from state_of_sparsity.training.evaluate import evaluate
    from state_of_sparsity.training.threshold_sweep import threshold_sweep

    measured = _batches(experiment.data, split), experiment.loss, experiment.metrics
    try:
        quiet = functools.partial(_scores, experiment, split, verbose=False)
        sweep = threshold_sweep(model, thresholds, *measured, quiet) if thresholds else ()
    except ValueError as error:
        raise UsageError(str(error)) from error
    counts = accounting.report(model)
    print(f"{counts}\n\nOn the {split} split:", flush=True)
    plain = strip(model) if structure.sparse_layers(model) else model
    try:
        metrics = evaluate(plain, *measured) | _scores(experiment, split, plain)
    except Exception as error:
        if not users_errors.is_about_data(error):
            raise
        raise UsageError(
            "The model must fit the data, the loss and the metrics of the configuration. "
            f"Received: {error_messages.one_line(error, error_messages.SHORT)}"
        ) from error
    print("\n".join(_columns(metrics)), flush=True)
    found = {"split": split, "metrics": metrics, **_counts(counts)}
    return {**found, "thresholds": _printed_sweep(sweep)} if thresholds else found


def _scores(experiment, split, model, verbose=True):
    found = {}
    for evaluator in experiment.evaluators:
        found |= evaluator(model, experiment.data, split, verbose)
    return found


def _batches(data, split):
    with users_errors.in_one_line():  # large data are first looked for here
        batches = getattr(data, split)()
    if batches is None:
        raise UsageError(
            f"`split` must be one that the data set has. Received: {split}, for which the data of "
            "the configuration has no examples."
        )
    return batches


def _counts(report):
    totals = ("sparsity", "size", "nonzero", "multiply_adds", "sparse_multiply_adds")
    layers = [{column: getattr(row, column) for column in LAYER_COLUMNS} for row in report.layers]
    return {**{name: getattr(report, name) for name in totals}, "layers": layers}


def _printed_sweep(sweep):
    """Returns the rows of a threshold sweep; prints each as soon as it is there."""
    rows = []
    for row in sweep:
        names, values = _columns(row)
        print(values if rows else f"\nAt other thresholds:\n{names}\n{values}", flush=True)
        rows.append(row)
    return rows


def _columns(row):
    """Returns the names and the values of a dict of numbers, one below the other."""
    values = [f"{v:,}" if isinstance(v, int) else f"{v:.4f}" for v in row.values()]
    return aligned([list(row), values], ">", _COLUMN_WIDTH)
