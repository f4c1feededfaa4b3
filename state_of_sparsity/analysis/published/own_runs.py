"""One's own runs beside a paper's numbers, and what to say where their task is another."""

import pathlib
from collections.abc import Callable, Sequence

from state_of_sparsity.analysis import metrics, results
from state_of_sparsity.analysis.published.point import Paper
from state_of_sparsity.analysis.words import words


def read(
    run_dirs: Sequence[pathlib.Path], expected: str, tell: Callable[[str], None]
) -> tuple[list[results.Aggregate], str]:
    """Returns statistics of one's own runs, and their metric.

    Args:
        run_dirs: their directories, if any.
        expected: what the metric must be, or end with.
        tell: called with a line on each run that is not counted.

    Raises:
        ValueError: if it is another, or no run of several can be used.
    """
    if not run_dirs:
        return [], ""
    runs, others = results.read_runs(run_dirs)
    for path, reason in others.items():
        tell(f"Not counted: {path}: {reason}")
    metric = metrics.metric_of(runs)
    if not metric.endswith(expected) or metrics.is_of_several_guesses(metric):
        raise ValueError(
            f"`run_dir` must hold runs whose metric is {expected}, as the paper's. Received: runs "
            f"with {metric!r}. Name others, or another --paper."
        )
    for run in runs:
        if metric not in run.result:
            tell(f"Not counted: {run.path}: result.json has no {metric}")
    return results.aggregate([run for run in runs if metric in run.result], metric), metric


def of_other_tasks(runs: Sequence[results.Run], paper: Paper) -> str:
    """Returns a line on runs of another model or data set than a paper's, empty without any.

    What a run did not record is taken for the paper's.
    """
    others = {run.task for run in runs if not set(run.task) <= set(paper.task)}
    if not others:
        return ""
    named = " and ".join(sorted(map(_in_words, others)))
    return (
        f"Runs of {named} are drawn beside numbers for {_in_words(paper.task)}: how high a curve "
        "lies cannot be compared, at most how it falls."
    )


def _in_words(task):
    text = ", ".join(words(name) for name in task[::-1])
    return "".join(c if c.isprintable() else " " for c in text)  # a stranger's file may be printed
