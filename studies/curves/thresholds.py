"""Runs of variational dropout with other thresholds of log alpha than they were trained with."""

import collections
import json
import pathlib

from runs import OTHER_THRESHOLDS, statistics_of


def read(folder):
    """Returns what bin/evaluate.py wrote of runs at other thresholds, files `thresholds*.json`."""
    files = sorted(folder.glob("thresholds*.json"))
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


def aggregates(evaluations, metric):
    """Returns the statistics of a metric over seeds, a penalty and a threshold each.

    Args:
        evaluations: what `read` returned.
        metric: a column.

    Returns:
        A list of `Aggregate` by setting and threshold, `kl_weight_5e-6_threshold_-1`.
    """
    groups = collections.defaultdict(list)
    for evaluation in evaluations:
        name = pathlib.PurePath(evaluation["run_dir"]).name
        setting, _, seed = name.rpartition("_seed_")
        for found in evaluation["thresholds"]:
            row = {"run": evaluation["run_dir"], "seed": int(seed), **found}
            groups[setting, found["threshold"]].append(row)
    return [
        statistics_of(
            OTHER_THRESHOLDS, f"{setting}_threshold_{threshold:g}", None, groups[key], metric
        )
        for key in sorted(groups, key=lambda key: (float(key[0].rpartition("_")[2]), key[1]))
        for setting, threshold in [key]
    ]


def front(found):
    """Returns those of some aggregates that no other is both sparser and better than."""
    return [a for a in found if not any(b.sparsity > a.sparsity and b.mean > a.mean for b in found)]
