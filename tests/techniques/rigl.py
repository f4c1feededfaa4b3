"""RigL: as many zeros as the schedule says, alone or shared out by shape."""

import math

import numpy as np

import state_of_sparsity as sos
from tests.golden_state import MOVING, Golden
from tests.technique import NEVER, Technique, expect_counts
from tests.techniques import set as sparse_evolutionary


def expect_total(model, sparsity):
    zeros = sum(mask.size - mask.sum() for mask in sos.masks(model).values())
    assert zeros == round(sparsity * (18 + 24))


def row(expect, **options):
    return Technique(
        lambda schedule: lambda layer: sos.RigL(layer, schedule, end_step=8, **options),
        inert=lambda layer: sos.RigL(layer, NEVER, end_step=8),
        expect=expect,
        variables=("mask", "gradient", "mask_step"),
    )


ROWS = {
    "rigl": row(expect_counts),
    "rigl, erdos-renyi-kernel": row(
        expect_total, distribution=sos.distributions.ErdosRenyiKernel("all")
    ),
}


class InNumpy(sparse_evolutionary.InNumpy):
    """As SET, but the largest gradients of the step before grow, fewer as time goes on."""

    beside = ("mask_step", "gradient")

    def of_effective(self, gradient):
        self.gradient = gradient
        return super().of_effective(gradient)

    def growth(self, step):
        return np.abs(self.gradient)

    def moving(self, step):
        """Evci et al., section 3 (2), of a schedule that ends at step 8."""
        return 0.8 / 2 * (1 + math.cos(math.pi * step / 8))


GOLDEN = Golden(lambda layer: sos.RigL(layer, MOVING, 0.8, seed=1), InNumpy)
