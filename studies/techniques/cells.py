"""The runs of the page by technique and sparsity: this study's, and those of the CIFAR-10 page."""

import collections
import pathlib
from dataclasses import dataclass

import training_cost

from state_of_sparsity.analysis.pages.cells import over_seeds
from state_of_sparsity.analysis.results import Aggregate

METRIC = "accuracy"
# Folders of runs, in the order of the page: what the page calls them, and the folder whose networks
# have the same distribution of zeros, for the cost of training at other sparsities.
TITLES = {
    "dense": "dense",
    "static_random": "static random masks, ERK",
    "snip": "SNIP, global threshold",
    "set": "SET, ERK",
    "rigl": "RigL, ERK",
    "grow_and_prune": "grow and prune, ERK",
    "top_kast": "Top-KAST, ERK",
    "straight_through": "SR-STE, ERK",
    "acdc": "AC/DC, global threshold",
    "magnitude_pruning": "magnitude, uniform",
    "magnitude_erdos_renyi_kernel": "magnitude, ERK",
    "magnitude_global": "magnitude, global threshold",
    "random_pruning": "random, uniform",
}
_ALIKE = {
    "magnitude_pruning": "magnitude_pruning",
    "random_pruning": "random_pruning",
    "magnitude_global": "magnitude_global",
}
_ERK = "magnitude_erdos_renyi_kernel"


@dataclass(frozen=True)
class Cell:
    """A technique at a sparsity: its runs, and what they cost in that of dense ones."""

    folder: str
    sparsity: float
    runs: Aggregate
    inference: float
    training: float | None

    @property
    def title(self) -> str:
        """What the page calls it."""
        return TITLES[self.folder]


def cells(rows):
    """Returns `{(folder, sparsity): Cell}` in the order of `TITLES`; dense has a sparsity of 0."""
    groups = collections.defaultdict(list)
    for row in rows:
        folder = pathlib.PurePath(row["run"]).parts[0]
        if folder in TITLES:
            groups[folder, row["target_sparsity"] or 0.0].append(row)
    inference = {key: _inference(members) for key, members in groups.items()}
    found = {}
    for folder, sparsity in sorted(groups, key=lambda key: (list(TITLES).index(key[0]), key[1])):
        members = groups[folder, sparsity]
        alike = _ALIKE.get(folder, _ERK)
        shares = {s: share for (name, s), share in inference.items() if name == alike and s}
        training = training_cost.counted(members)
        if training is None:
            settings = members[0]["settings"]
            training = training_cost.of_technique(folder, settings, shares)
        found[folder, sparsity] = Cell(
            folder,
            sparsity,
            over_seeds(members, METRIC, TITLES[folder], ""),
            inference[folder, sparsity],
            training,
        )
    return found


def _inference(members):
    """Returns the mean share of the multiply-adds that are left."""
    return sum(m["sparse_multiply_adds"] / m["multiply_adds"] for m in members) / len(members)
