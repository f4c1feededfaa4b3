"""Movement pruning: the weights of smallest trained score go."""

import state_of_sparsity as sos
from tests import reference
from tests.golden_state import GROWING, Golden, Scheduled
from tests.technique import NEVER, Technique, expect_masks, state_of


def expect_lowest_scores(model, sparsity):
    scores = {path: variable.numpy() for path, variable in state_of(model, "score").items()}
    expect_masks(
        model, {p: reference.exact_mask(v, round(sparsity * v.size)) for p, v in scores.items()}
    )


ROWS = {
    "movement": Technique(
        lambda schedule: lambda layer: sos.MovementPruning(layer, schedule),
        inert=lambda layer: sos.MovementPruning(layer, NEVER),
        expect=expect_lowest_scores,
        variables=("mask", "score"),
        learned={"score": (-1.0, 1.0)},
    )
}


class InNumpy(Scheduled):
    """Sanh, Wolf, Rush, equation 4: scores get the gradient of masked weights too."""

    learned = ("score", (0.0, 0.0), (7, 5))

    def of_effective(self, gradient):
        return {**super().of_effective(gradient), "score": gradient * self.kernel}

    def scores(self):
        return self.score


GOLDEN = Golden(lambda layer: sos.MovementPruning(layer, GROWING), InNumpy)
