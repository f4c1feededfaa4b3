"""Saliency pruning: the weights of smallest gradient times weight go."""

import numpy as np

import state_of_sparsity as sos
from tests import reference
from tests.golden_state import GROWING, Golden, Scheduled
from tests.technique import NEVER, Technique, expect_masks, state_of


def saliencies(model):
    return {path: np.abs(v.numpy()) for path, v in state_of(model, "saliency").items()}


def expect_least_salient(model, sparsity):
    found = saliencies(model)
    expect_masks(
        model, {p: reference.exact_mask(v, round(sparsity * v.size)) for p, v in found.items()}
    )


def expect_least_salient_of_all(model, sparsity):
    every = np.concatenate([values.reshape(-1) for values in saliencies(model).values()])
    found = np.concatenate([mask.reshape(-1) for mask in sos.masks(model).values()])
    np.testing.assert_array_equal(found, reference.exact_mask(every, round(sparsity * every.size)))


def row(expect, **options):
    return Technique(
        lambda schedule: lambda layer: sos.SaliencyPruning(layer, schedule, **options),
        inert=lambda layer: sos.SaliencyPruning(layer, NEVER),
        expect=expect,
        variables=("mask", "saliency"),
    )


ROWS = {
    "saliency": row(expect_least_salient),
    "global saliency": row(
        expect_least_salient_of_all, distribution=sos.distributions.GlobalThreshold("all")
    ),
}


class InNumpy(Scheduled):
    """Lee, Ajanthan, Torr, equation 5, of the step before, masked weights too."""

    beside = ("saliency",)

    def of_effective(self, gradient):
        self.saliency = gradient * self.kernel
        return super().of_effective(gradient)

    def scores(self):
        return np.abs(self.saliency)


GOLDEN = Golden(lambda layer: sos.SaliencyPruning(layer, GROWING), InNumpy)
