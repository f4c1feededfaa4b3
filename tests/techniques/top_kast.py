"""Top-KAST: two masks by magnitude, one inside the other, and a penalty of each set."""

import numpy as np

import state_of_sparsity as sos
from tests import reference
from tests.golden_state import GROWING, Golden, Scheduled, growing
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


class InNumpy(Scheduled):
    """Jayakumar et al., section 2: A is `mask`, B is `backward_mask`."""

    beside = ("backward_mask",)
    backward_mask = np.ones((7, 5), bool)

    def update(self, step):
        super().update(step)
        if growing(step) is not None:
            self.backward_mask = reference.exact_mask(np.abs(self.kernel), round(BACKWARD * 35))

    def decayed(self):
        """Returns by how much the penalty shrinks each weight, before it is weighted."""
        only_trained = self.backward_mask & ~self.mask
        return self.effective() + np.where(only_trained, self.kernel / self.mask.mean(), 0)

    def of_effective(self, gradient):
        return {"kernel": np.where(self.backward_mask, gradient, 0) + 0.5 * self.decayed()}

    def penalty(self):
        return 0.5 / 2 * np.sum(self.kernel * self.decayed())


GOLDEN = Golden(lambda layer: sos.TopKAST(layer, GROWING, BACKWARD, penalty=0.5), InNumpy)
