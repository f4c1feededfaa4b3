"""Top-KAST: two masks by magnitude, one inside the other, and a penalty of each set."""

import numpy as np

import state_of_sparsity as sos
from tests import reference
from tests.technique import NEVER, WEIGHT, Technique, kernels_of, state_of
from tests.techniques.magnitude_pruning import expect_smallest

BACKWARD = 0.1  # below all of the schedule's


def expect_both_sets(model, sparsity):
    expect_smallest(model, sparsity)
    for path, kernel in kernels_of(model).items():
        zeros = min(round(sparsity * kernel.size), round(BACKWARD * kernel.size))
        trained = state_of(model, "backward_mask")[path].numpy()
        np.testing.assert_array_equal(trained, reference.exact_mask(np.abs(kernel), zeros))


def penalty(kernel, used, trained):
    squares = kernel.astype("float64") ** 2 / 2
    return squares[used].sum() + squares[trained & ~used].sum() / used.mean()


ROWS = {
    "top-kast": Technique(
        lambda schedule: lambda layer: sos.TopKAST(layer, schedule, BACKWARD, penalty=WEIGHT),
        inert=lambda layer: sos.TopKAST(layer, NEVER, BACKWARD, penalty=0.0),
        expect=expect_both_sets,
        variables=("mask", "backward_mask"),
        penalty=penalty,
        trains_absent=True,
    )
}
