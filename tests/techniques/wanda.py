"""Wanda: the weights go that are small, or whose inputs are, equally many of every output."""

import numpy as np

import state_of_sparsity as sos
from tests import reference
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
