"""Runs of variational dropout with other thresholds of log alpha than they were trained with."""

import collections
import json
import pathlib
import re
from collections.abc import Iterable, Sequence

from state_of_sparsity.analysis.pages.cells import OTHER_THRESHOLDS, over_seeds, settings
from state_of_sparsity.analysis.results import Aggregate


def read(folder: pathlib.Path) -> list[dict]:
    """Returns what bin/evaluate.py wrote of runs at other thresholds, files `thresholds*.json`."""
    files = sorted(folder.glob("thresholds*.json"))
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


def aggregates(evaluations: Iterable[dict], metric: str) -> list[Aggregate]:
    """Returns the statistics of a metric over seeds, a penalty and a threshold each.

    Args:
        evaluations: what `read` returned.
        metric: a column.

    Returns:
        A list of `Aggregate` by penalty and threshold, `kl_weight_5e-6_threshold_-1`.

    Raises:
        ValueError: if a run directory is not named after penalty and seed.
    """
    groups = collections.defaultdict(list)
    for evaluation in evaluations:
        setting, seed = _setting_and_seed(evaluation["run_dir"])
        of_run = {
            "run": evaluation["run_dir"],
            "technique": "variational_dropout",
            "seed": seed,
            "multiply_adds": evaluation.get("multiply_adds"),
        }
        for found in evaluation["thresholds"]:
            groups[setting, found["threshold"]].append({**of_run, **found})
    return [
        over_seeds(rows, metric, OTHER_THRESHOLDS, f"{setting}_threshold_{threshold:g}")
        for (setting, threshold), rows in sorted(groups.items(), key=_penalty_and_threshold)
    ]


def _setting_and_seed(run_dir):
    name = pathlib.PurePath(run_dir).name
    parts = re.fullmatch(r"(kl_weight_[^_]+.*)_seed_(\d+)", name)
    if not parts:
        raise ValueError(
            "`run_dir` must end in a cell of a sweep, its penalty first and its seed last, such as "
            f"kl_weight_1e-5_seed_0. Received: {run_dir}."
        )
    return parts[1], int(parts[2])


def _penalty_and_threshold(group):
    (setting, threshold), _ = group
    return float(settings(setting)[0][1]), setting, threshold


def front(found: Sequence[Aggregate]) -> list[Aggregate]:
    """Returns those of some aggregates that no other is both sparser and better than."""
    return [a for a in found if not any(b.sparsity > a.sparsity and b.mean > a.mean for b in found)]
