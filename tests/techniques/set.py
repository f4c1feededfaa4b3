"""Sparse evolutionary training: as many zeros as the schedule says, and no weight outside."""

import zlib

import numpy as np

import state_of_sparsity as sos
from tests import reference
from tests.golden_state import MOVING, Golden, Statement
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


class InNumpy(Statement):
    """A random mask of 17 of 35 weights; at steps 2 and 4 some of the smallest move."""

    beside = ("mask_step",)
    mask_step = -1

    def draws(self, step):
        rng = np.random.default_rng([1, zlib.crc32(b"layer/kernel"), step])
        return rng.random((7, 5), np.float32)

    growth = draws

    def moving(self, step):
        return 0.3

    def update(self, step):
        """Evci et al., algorithm 1: drop of those present, grow others, which begin at 0."""
        if step not in (0, 2, 4):
            return
        scores = self.draws(step)
        if step > 0:
            magnitudes = np.where(self.mask, np.abs(self.kernel), -1)
            staying = reference.exact_mask(magnitudes, 18 + round(self.moving(step) * 17))
            scores = np.where(staying, np.inf, self.growth(step))
        before, self.mask, self.mask_step = self.mask, reference.exact_mask(scores, 18), step
        self.kernel = np.where(before & self.mask, self.kernel, 0)


GOLDEN = Golden(lambda layer: sos.SET(layer, MOVING, seed=1), InNumpy)
