"""AC/DC: the smallest weights are masked, and forgotten."""

import numpy as np

import state_of_sparsity as sos
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
