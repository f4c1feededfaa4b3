"""The runs of the study, read from their table and grouped by cell."""

import math
import statistics
from dataclasses import dataclass

from published import NETWORKS, multiply_adds

TECHNIQUES = {
    "dense": "dense",
    "variational_dropout": "variational dropout",
    "l0_regularization": "L0, a gate a weight",
    "l0_groups": "L0, a gate a unit",
    "magnitude_global": "magnitude, global threshold",
    "magnitude_learned": "magnitude, sparsities learned by variational dropout",
    "magnitude_erdos_renyi_kernel": "magnitude, Erdos-Renyi-Kernel",
    "magnitude_pruning": "magnitude, uniform",
    "random_pruning": "random, uniform",
}


@dataclass(frozen=True)
class Cell:
    """Runs of one technique on one network that differ in their seed only.

    Args:
        technique: a key of `TECHNIQUES`.
        network: a key of `NETWORKS`.
        runs: rows of the table, by seed.
    """

    technique: str
    network: str
    runs: tuple[dict, ...]

    @property
    def errors(self):
        """Test errors in percent, one a seed."""
        return [100 * (1 - run["accuracy"]) for run in self.runs]

    @property
    def compressions(self):
        """Times fewer weights, one a seed; infinitely many where none is left."""
        return [run["size"] / run["nonzero"] if run["nonzero"] else math.inf for run in self.runs]

    @property
    def nonzero(self):
        """Mean number of weights left."""
        return statistics.fmean(run["nonzero"] for run in self.runs)

    @property
    def mean_error(self):
        """Mean test error in percent."""
        return statistics.fmean(self.errors)

    def units(self):
        """Returns the units left of each layer, one tuple a seed, as Louizos et al. write them."""
        return [tuple(self._units(kernel) for kernel in run["kernels"]) for run in self.runs]

    def _units(self, kernel):
        convolution = kernel["path"].startswith("convolution")
        return kernel["outputs_left" if convolution else "inputs_left"]

    def multiply_adds(self):
        """Returns the multiply-adds of the small dense networks that are left, one a seed."""
        return [multiply_adds(self.network, units) for units in self.units()]

    def layer_sparsities(self):
        """Returns the mean sparsity of each kernel in percent."""
        kernels = zip(*(run["kernels"] for run in self.runs), strict=True)
        return [100 * statistics.fmean(1 - k["nonzero"] / k["size"] for k in ks) for ks in kernels]


def cells(rows):
    """Returns the cells of a table, in the order of the page, the sparsest last.

    Args:
        rows: what `RunTable.read` returned.
    """
    groups = {}
    for row in rows:
        technique, network = row["run"].split("/")[:2]
        if technique in TECHNIQUES and network in NETWORKS:
            groups.setdefault((technique, network, row["config_hash"]), []).append(row)
    found = [
        Cell(technique, network, tuple(sorted(members, key=lambda row: row["seed"])))
        for (technique, network, _), members in groups.items()
    ]
    order = list(TECHNIQUES)
    return sorted(found, key=lambda c: (c.network, order.index(c.technique), -c.nonzero))
