"""Wanda: the weights go that are small, or whose inputs are, equally many of every output."""

import numpy as np

import state_of_sparsity as sos
from tests import reference
from tests.golden_state import GROWING, Golden, Scheduled
from tests.technique import NEVER, Technique, expect_masks, kernels_of, state_of


def expect_smallest_products_of_all(model, sparsity):
    """Of every kernel as a whole, whose last axis but one is that of its inputs."""
    means = {path: variable.numpy() for path, variable in state_of(model, "inputs").items()}
    expected = {}
    for path, kernel in kernels_of(model).items():
        scores = np.abs(kernel) * np.sqrt(means[path])[:, None]
        expected[path] = reference.exact_mask(scores, round(sparsity * scores.size))
    expect_masks(model, expected)


ROWS = {
    "wanda": Technique(
        lambda schedule: lambda layer: sos.Wanda(layer, schedule, pattern=None),
        inert=lambda layer: sos.Wanda(layer, NEVER),
        expect=expect_smallest_products_of_all,
        variables=("mask", "inputs"),
    ),
}


class InNumpy(Scheduled):
    """Sun et al., equation 1, of a whole kernel; the mean squares of inputs are given."""

    learned = ("inputs", (0.1, 2.0), (7,))

    def scores(self):
        return np.abs(self.kernel) * np.sqrt(self.inputs)[:, None]


GOLDEN = Golden(lambda layer: sos.Wanda(layer, GROWING, pattern=None), InNumpy)
