"""RigL: as many zeros as the schedule says, alone or shared out by shape."""

import state_of_sparsity as sos
from tests.technique import NEVER, Technique, expect_counts


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
