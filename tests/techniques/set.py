"""Sparse evolutionary training: as many zeros as the schedule says, and no weight outside."""

import state_of_sparsity as sos
from tests.technique import NEVER, Technique, expect_counts

ROWS = {
    "set": Technique(
        lambda schedule: lambda layer: sos.SET(layer, schedule, seed=1),
        inert=lambda layer: sos.SET(layer, NEVER),
        expect=expect_counts,
        variables=("mask", "mask_step"),
    )
}
