"""Soft thresholds: a weight is present where it is larger than that of its kernel."""

import numpy as np

import state_of_sparsity as sos
from tests import reference
from tests.golden_state import Golden, Statement
from tests.technique import NO_RAMP, RAMP, WEIGHT, Technique, expect_masks, kernels_of, state_of


def expect_larger_than_the_threshold(model, sparsity):
    logits = state_of(model, "threshold_logit")
    expect_masks(
        model,
        {
            path: np.abs(kernel) > 1 / (1 + np.exp(-logits[path].numpy()))
            for path, kernel in kernels_of(model).items()
        },
    )


def row(decay, no_decay, driven):
    return Technique(
        lambda schedule: lambda layer: sos.SoftThreshold(layer, decay),
        inert=lambda layer: sos.SoftThreshold(layer, no_decay, initial_logit=-100.0),
        expect=expect_larger_than_the_threshold,
        scheduled=False,
        driven=driven,
        variables=("threshold_logit",),
        learned={"threshold_logit": (-2.0, -1.0)},
        penalty=lambda kernel, logit: logit**2 / 2,
    )


ROWS = {
    "soft threshold": row(WEIGHT, 0.0, driven=False),
    "soft threshold, ramp": row(RAMP, NO_RAMP, driven=True),
}


class InNumpy(Statement):
    """Kusupati et al., equations 2 and 4, and a decay of 0.5 of the logit."""

    learned = ("threshold_logit", (-1.5, -1.5), ())

    @property
    def threshold(self):
        return reference.sigmoid(self.threshold_logit)

    @property
    def mask(self):
        return np.abs(self.kernel) > self.threshold

    def effective(self):
        return np.sign(self.kernel) * np.maximum(np.abs(self.kernel) - self.threshold, 0)

    def of_effective(self, gradient):
        by_threshold = -np.sum(gradient * np.sign(self.kernel) * self.mask)
        slope = self.threshold * (1 - self.threshold)
        return {
            **super().of_effective(gradient),
            "threshold_logit": by_threshold * slope + 0.5 * self.threshold_logit,
        }

    def penalty(self):
        return 0.5 * self.threshold_logit**2 / 2


GOLDEN = Golden(lambda layer: sos.SoftThreshold(layer, 0.5), InNumpy)
