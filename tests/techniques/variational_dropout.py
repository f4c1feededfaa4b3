"""Variational dropout: what is all noise is absent."""

import state_of_sparsity as sos
from tests import reference
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
