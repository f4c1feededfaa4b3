"""The metric that runs are judged by, and how it is written."""

import re
from collections.abc import Iterable

from state_of_sparsity.analysis.results import Run
from state_of_sparsity.analysis.run_files import DESCRIPTIONS

# Losses and errors, by what Keras calls them and text and speech are judged by.
_LESS_IS_BETTER = re.compile(
    r"(?!neg_|negative_)(.*_)?(loss|error(_rate)?|mae|mse|mape|msle|rmse|crossentropy|ce|divergence"
    r"|kld?|nll|bpc|hinge|log_?cosh|poisson|perplexity|ppl|wer|cer|ter|brier_score"
    r"|false_(positives|negatives))(_\d+)?",
    re.IGNORECASE,
)


def is_less_better(metric: str) -> bool:
    """Returns whether a metric is known, by its name, to be better the less it is."""
    return _LESS_IS_BETTER.fullmatch(metric) is not None


def is_of_several_guesses(metric: str) -> bool:
    """Returns whether a metric is an accuracy in more than the first guess, such as top-5."""
    return re.search(r"top[-_ ]?(k|[2-9]|\d\d)|@\d", metric, re.IGNORECASE) is not None


def metric_of(runs: Iterable[Run]) -> str:
    """Returns the key of the metric: the first in `result.json` that more than half of runs have.

    Losses and errors are passed over, since of the metric more is better; accuracies of several
    guesses, such as top-5, where there is another metric.

    Args:
        runs: finished runs.

    Raises:
        ValueError: if they share none.
    """
    runs, found = list(runs), []
    for key in dict.fromkeys(key for run in runs for key in run.result):
        judges = not (key in DESCRIPTIONS or key.startswith("val_") or is_less_better(key))
        if judges and 2 * sum(key in run.result for run in runs) > len(runs):
            found.append(key)
    if found:
        return min(found, key=is_of_several_guesses)
    raise ValueError(
        "`runs` must share a metric such as 'accuracy' in their result.json, of which more is "
        "better: a loss or error is none. For regression, have a run say one too: "
        "`Experiment.metrics = ['mae', 'r2_score']`. "
        f"Received: {[sorted(run.result) for run in runs[:3]]}."
    )


def factor(metric: str) -> float:
    """Returns what a metric is multiplied by to be shown: 100 for accuracies, as percent."""
    return 100.0 if metric.endswith("accuracy") else 1.0


def label(metric: str) -> str:
    """Returns the metric's name with its unit, such as `test accuracy (%)`."""
    words = metric.replace("_", " ").replace("bleu", "BLEU")
    return f"test {words}" + (" (%)" if factor(metric) == 100.0 else "")
