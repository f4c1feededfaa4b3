"""The metric that runs are judged by, and how it is written."""

from collections.abc import Iterable

from state_of_sparsity.analysis.results import Run

# Entries of `result.json` that describe a run and do not judge it.
_DESCRIPTIONS = {"name", "technique", "target_sparsity", "sparsity", "loss", "size", "nonzero"}
_DESCRIPTIONS |= {"multiply_adds", "sparse_multiply_adds", "seed", "steps", "config_hash"}
_DESCRIPTIONS |= {"wall_time_s", "version", "commit"}


def metric_of(runs: Iterable[Run]) -> str:
    """Returns the key of the metric: the first in `result.json` that all runs have.

    Args:
        runs: finished runs; of their metric, more is better.

    Raises:
        ValueError: if they share none.
    """
    runs = list(runs)
    for key in runs[0].result if runs else ():
        judges = key not in _DESCRIPTIONS and not key.startswith("val_")
        if judges and all(isinstance(run.result.get(key), int | float) for run in runs):
            return key
    raise ValueError(
        "`runs` must share a metric such as 'accuracy' in their result.json. "
        f"Received: {[sorted(run.result) for run in runs[:3]]}."
    )


def factor(metric: str) -> float:
    """Returns what a metric is multiplied by to be shown: 100 for accuracies, as percent."""
    return 100.0 if metric.endswith("accuracy") else 1.0


def label(metric: str) -> str:
    """Returns the metric's name with its unit, such as `test accuracy (%)`."""
    words = metric.replace("_", " ").replace("bleu", "BLEU")
    return f"test {words}" + (" (%)" if factor(metric) == 100.0 else "")
