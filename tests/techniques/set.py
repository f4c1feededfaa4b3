"""Sparse evolutionary training: as many zeros as the schedule says, and no weight outside."""

import numpy as np

import state_of_sparsity as sos
from tests.technique import NEVER, Technique, expect_counts


def expect_equal_outputs(model, sparsity):
    """As many zeros, and in no output more than one more than in another."""
    expect_counts(model, sparsity)
    for mask in sos.masks(model).values():
        assert np.ptp(mask.reshape(-1, mask.shape[-1]).sum(axis=0)) <= 1


ROWS = {
    "set": Technique(
        lambda schedule: lambda layer: sos.SET(layer, schedule, seed=1),
        inert=lambda layer: sos.SET(layer, NEVER),
        expect=expect_counts,
        variables=("mask", "mask_step"),
    ),
    "set per output": Technique(
        lambda schedule: lambda layer: sos.SET(layer, schedule, pattern=sos.patterns.PerOutput()),
        inert=lambda layer: sos.SET(layer, NEVER, pattern=sos.patterns.PerOutput()),
        expect=expect_equal_outputs,
        variables=("mask", "mask_step"),
    ),
}
