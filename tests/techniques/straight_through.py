"""The straight-through estimator: masks by magnitude, gradients for all weights."""

import numpy as np

import state_of_sparsity as sos
from tests.golden_state import GROWING, Golden, Scheduled
from tests.technique import NEVER, Technique
from tests.techniques.magnitude_pruning import expect_smallest


def row(penalty, **options):
    return Technique(
        lambda schedule: lambda layer: sos.StraightThrough(layer, schedule, **options),
        inert=lambda layer: sos.StraightThrough(layer, NEVER, **options),
        expect=expect_smallest,
        penalty=penalty,
        trains_absent=True,
    )


ROWS = {
    "straight through": row(penalty=None),
    # Its decay is in the gradient alone.
    "sr-ste": row(penalty=lambda kernel, mask: 0.0, decay=0.1),
}


class InNumpy(Scheduled):
    """Zhou et al., equation 5; with no decay it is the straight-through estimator."""

    def of_effective(self, gradient):
        return {"kernel": gradient + 0.5 * np.where(self.mask, 0, self.kernel)}


GOLDEN = Golden(lambda layer: sos.StraightThrough(layer, GROWING, decay=0.5), InNumpy)
