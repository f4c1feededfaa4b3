"""Random pruning: the zeros are as many as the schedule says, wherever they are."""

import zlib

import numpy as np

import state_of_sparsity as sos
from tests.golden_state import GROWING, Golden, Scheduled
from tests.technique import NEVER, Technique, expect_counts

ROWS = {
    "random": Technique(
        lambda schedule: lambda layer: sos.RandomPruning(layer, schedule, seed=1),
        inert=lambda layer: sos.RandomPruning(layer, NEVER),
        expect=expect_counts,
    )
}


class InNumpy(Scheduled):
    """Scores are drawn once, from the seed and the kernel's path in the model."""

    def scores(self):
        rng = np.random.default_rng([1, zlib.crc32(b"layer/kernel")])
        return rng.random((7, 5), np.float32)


GOLDEN = Golden(lambda layer: sos.RandomPruning(layer, GROWING, seed=1), InNumpy)
