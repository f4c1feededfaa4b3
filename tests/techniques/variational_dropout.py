"""Variational dropout: what is all noise is absent."""

import numpy as np

import state_of_sparsity as sos
from tests import reference
from tests.golden_state import Golden, Statement
from tests.technique import NO_RAMP, RAMP, WEIGHT, Technique, expect_masks, kernels_of, state_of


def expect_below_threshold(model, sparsity):
    kernels, log_sigma2 = kernels_of(model), state_of(model, "log_sigma2")
    expect_masks(
        model,
        {
            path: reference.log_alpha(kernel, log_sigma2[path].numpy()) < 3.0
            for path, kernel in kernels.items()
        },
    )


def kl_divergence(kernel, log_sigma2):
    return reference.kl_divergence(reference.clipped_log_alpha(kernel, log_sigma2))


def row(kl_weight, no_weight, driven):
    without_noise = {"initial_log_sigma2": -40, "clip_log_alpha": None}
    return Technique(
        lambda schedule: lambda layer: sos.VariationalDropout(layer, kl_weight, seed=1),
        inert=lambda layer: sos.VariationalDropout(layer, no_weight, **without_noise),
        expect=expect_below_threshold,
        scheduled=False,
        driven=driven,
        variables=("log_sigma2",),
        learned={"log_sigma2": (-6.0, 2.0)},
        penalty=kl_divergence,
        trains_absent=True,  # it masks at evaluation only: what it drops is noise
        tolerance=3e-4,  # a deviation of sqrt(1e-8) is left even where sigma is 0
    )


ROWS = {
    "variational dropout": row(WEIGHT, 0.0, driven=False),
    "variational dropout, ramp": row(RAMP, NO_RAMP, driven=True),
}


class InNumpy(Statement):
    """Molchanov et al., equations 14 and 17, with the normal draws given."""

    learned = ("log_sigma2", (-6.0, 2.0), (7, 5))
    noise = ("normal", (8, 5))  # of the outputs

    @property
    def log_alpha(self):
        return reference.log_alpha(self.kernel, self.log_sigma2)

    @property
    def mask(self):
        return self.log_alpha < 3

    @property
    def sigma2(self):
        return reference.clipped_sigma2(self.kernel, self.log_sigma2)

    def outputs(self, x, noise):
        mean, variance = reference.dense_moments(x, self.kernel, self.sigma2)
        return mean + np.sqrt(variance) * noise

    def gradients(self, x, slope, noise):
        _, variance = reference.dense_moments(x, self.kernel, self.sigma2)
        by_sigma2 = np.square(x).T @ (slope * noise / (2 * np.sqrt(variance)))
        free = np.abs(self.log_alpha) < 8  # sigma^2 is its own there, elsewhere alpha theta^2
        alpha = reference.sigmoid(reference.K2 + reference.K3 * self.log_alpha)
        by_log_alpha = -reference.K1 * reference.K3 * alpha * (1 - alpha)
        by_log_alpha = 0.1 * free * (by_log_alpha - reference.sigmoid(-self.log_alpha) / 2)
        squares = np.square(self.kernel) + reference.EPSILON
        by_square = ~free * by_sigma2 * self.sigma2 / squares - by_log_alpha / squares
        return {
            "kernel": x.T @ slope + by_square * 2 * self.kernel,
            "log_sigma2": free * by_sigma2 * self.sigma2 + by_log_alpha,
        }

    def penalty(self):
        return 0.1 * kl_divergence(self.kernel, self.log_sigma2)


GOLDEN = Golden(lambda layer: sos.VariationalDropout(layer, 0.1), InNumpy)
