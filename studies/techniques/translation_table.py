"""The tables of the page on translation: techniques on Multi30k, and their orderings."""

import collections
import pathlib
from typing import NamedTuple

import tables

from state_of_sparsity.analysis.markdown import table
from state_of_sparsity.analysis.pages.cells import over_seeds
from state_of_sparsity.analysis.results import Aggregate
from state_of_sparsity.analysis.run_table import RunTable

METRIC = "bleu"
LEVEL = 0.8
# Folders of runs, in the order of the page, and what it calls them.
TITLES = {
    "dense": "dense",
    "straight_through": "SR-STE, uniform",
    "magnitude_pruning": "magnitude, uniform",
    "rigl": "RigL, uniform",
    "random_pruning": "random, uniform",
}
# What JaxPruner found with T5 at 80 %, as (better, worse).
ORDERINGS = [
    ("straight_through", "magnitude_pruning"),
    ("magnitude_pruning", "rigl"),
    ("rigl", "random_pruning"),
]


class Cell(NamedTuple):
    """A technique: what the page calls it, and its runs."""

    title: str
    runs: Aggregate


def cells(folder):
    """Returns `{(technique, sparsity): Cell}` of the runs of this page and of translation.md."""
    groups = collections.defaultdict(list)
    for path in (folder / "multi30k.csv", folder.parent / "translation/runs.csv"):
        for row in RunTable(path).read() if path.exists() else []:
            technique = pathlib.PurePath(row["run"]).parts[0]
            if technique in TITLES and row["target_sparsity"] in (None, LEVEL):
                groups[technique].append(row)
    return {
        (name, LEVEL): Cell(title, over_seeds(groups[name], METRIC, title, ""))
        for name, title in TITLES.items()
        if name in groups
    }


def results(found):
    """Returns a line for each technique."""
    lines = [
        [cell.title, tables.mean(cell.runs, 1), tables.each_seed(cell.runs, METRIC, 1)]
        for cell in found.values()
    ]
    return table(["Technique", "BLEU", "Each seed"], lines)


def orderings(found):
    """Returns for each of `ORDERINGS` what the runs say."""
    return tables.orderings(found, [LEVEL], ORDERINGS, scale=1)
