"""Random pruning: the zeros are as many as the schedule says, wherever they are."""

import state_of_sparsity as sos
from tests.technique import NEVER, Technique, expect_counts

ROWS = {
    "random": Technique(
        lambda schedule: lambda layer: sos.RandomPruning(layer, schedule, seed=1),
        inert=lambda layer: sos.RandomPruning(layer, NEVER),
        expect=expect_counts,
    )
}
