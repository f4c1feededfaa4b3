"""The metric that runs are judged by, and how it is written."""

from collections.abc import Iterable

from state_of_sparsity.analysis.results import Run
from state_of_sparsity.analysis.run_files import DESCRIPTIONS


def metric_of(runs: Iterable[Run]) -> str:
    """Returns the key of the metric: the first in `result.json` that more than half of runs have.

    Args:
        runs: finished runs; of their metric, more is better.

    Raises:
        ValueError: if they share none.
    """
    runs = list(runs)
    for key in dict.fromkeys(key for run in runs for key in run.result):
        judges = key not in DESCRIPTIONS and not key.startswith("val_")
        if judges and 2 * sum(key in run.result for run in runs) > len(runs):
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
