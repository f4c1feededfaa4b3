"""AC/DC: the smallest weights are masked, and forgotten."""

import numpy as np

import state_of_sparsity as sos
from tests import reference
from tests.golden_state import Golden, Statement
from tests.technique import NEVER, Technique, kernels_of


def expect_the_masked_to_be_forgotten(model, sparsity):
    for path, kernel in kernels_of(model).items():
        mask = sos.masks(model)[path]
        assert mask.size - mask.sum() == round(sparsity * mask.size)
        np.testing.assert_array_equal(kernel[~mask], 0)
        assert kernel[mask].all()


ROWS = {
    "acdc": Technique(
        lambda schedule: lambda layer: sos.ACDC(layer, schedule),
        inert=lambda layer: sos.ACDC(layer, NEVER),
        expect=expect_the_masked_to_be_forgotten,
        variables=("mask", "mask_step"),
    )
}


class InNumpy(Statement):
    """Compressed at step 1, decompressed at step 2, and compressed for good at step 3."""

    beside = ("mask_step",)
    mask_step = -1

    def update(self, step):
        """Peste et al., algorithm 1: the largest stay; all others are 0, and begin from there."""
        zeros = {1: 18, 2: 0, 3: 18}  # of 35 weights
        if step in zeros:
            before, self.mask_step = self.mask, step
            self.mask = reference.exact_mask(np.abs(self.kernel), zeros[step])
            self.kernel = np.where(before & self.mask, self.kernel, 0)


PHASES = sos.schedules.Alternating(0.5, begin_step=1, phase_steps=1, end_step=3)
GOLDEN = Golden(lambda layer: sos.ACDC(layer, PHASES), InNumpy)
