"""L0 regularization: a weight is present where its gate is open."""

import functools

import numpy as np

import state_of_sparsity as sos
from tests import reference
from tests.golden_state import Golden, Statement
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


class InNumpy(Statement):
    """Louizos et al., equations 10 to 13, with a gate speed of 2 and the uniform draws given."""

    learned = ("log_alpha", (-3.0, 1.0), (7, 5))
    noise = ("uniform", (7, 5))

    @property
    def gates(self):
        return reference.gate_mean(2 * self.log_alpha)

    @property
    def mask(self):
        return self.gates > 0

    def effective(self):
        return self.kernel * self.gates

    def outputs(self, x, noise):
        return x @ (self.kernel * reference.gate_sample(2 * self.log_alpha, noise))

    def gradients(self, x, slope, noise):
        gradient, gate = x.T @ slope, reference.gate_sample(2 * self.log_alpha, noise)
        concrete = (gate - reference.GAMMA) / (reference.ZETA - reference.GAMMA)
        by_gate = (reference.ZETA - reference.GAMMA) * concrete * (1 - concrete) / reference.BETA
        by_gate = np.where((gate > 0) & (gate < 1), by_gate, 0)  # flat where it is clipped
        shift = reference.BETA * np.log(-reference.GAMMA / reference.ZETA)
        is_open = reference.sigmoid(2 * self.log_alpha - shift)
        by_log_alpha = gradient * self.kernel * by_gate + 0.1 * is_open * (1 - is_open)
        return {"kernel": gradient * gate, "log_alpha": 2 * by_log_alpha}

    def penalty(self):
        return 0.1 * reference.expected_l0(2 * self.log_alpha)


GOLDEN = Golden(lambda layer: sos.L0Regularization(layer, 0.1, gate_speed=2.0), InNumpy)
