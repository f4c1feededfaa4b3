"""L0 regularization: a weight is present where its gate is open."""

import functools

import numpy as np

import state_of_sparsity as sos
from tests import reference
from tests.technique import NO_RAMP, RAMP, WEIGHT, Technique, expect_masks, kernels_of, state_of


def expect_open_gates(model, sparsity, gate_speed):
    expected = {}
    for path, stored in state_of(model, "log_alpha").items():
        log_alpha = np.broadcast_to(gate_speed * stored.numpy(), kernels_of(model)[path].shape)
        expected[path] = reference.gate_mean(log_alpha) > 0
    expect_masks(model, expected)


def expected_weights(kernel, stored, gate_speed):
    return reference.expected_l0(np.broadcast_to(gate_speed * stored, kernel.shape))


def row(l0_weight, no_weight, driven, gate_speed=16.0, group=None):
    options = {"gate_speed": gate_speed, "group": group}
    return Technique(
        lambda schedule: lambda layer: sos.L0Regularization(layer, l0_weight, seed=1, **options),
        inert=lambda layer: sos.L0Regularization(layer, no_weight, 1 - 1e-9, **options),
        expect=functools.partial(expect_open_gates, gate_speed=gate_speed),
        scheduled=False,
        driven=driven,
        variables=("log_alpha",),
        learned={"log_alpha": (-6.0 / gate_speed, 2.0 / gate_speed)},
        settled={"log_alpha": (-40.0, 40.0)},  # gates shut in every sample, and open in every one
        penalty=functools.partial(expected_weights, gate_speed=gate_speed),
    )


ROWS = {
    "l0": row(WEIGHT, 0.0, driven=False),
    "l0, ramp": row(RAMP, NO_RAMP, driven=True),
    "l0, as published": row(WEIGHT, 0.0, driven=False, gate_speed=1.0),
    "l0, units": row(WEIGHT, 0.0, driven=False, group="unit"),
}
