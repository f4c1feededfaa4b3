"""A mask that is given, and stays."""

import numpy as np

import state_of_sparsity as sos
from tests.technique import LAYERS, Technique, expect_masks


def striped(layer):
    return (np.arange(np.prod(layer.kernel.shape)) % 3 > 0).reshape(layer.kernel.shape)


def expect_striped(model, sparsity):
    expect_masks(model, {f"{name}/kernel": striped(model.get_layer(name).layer) for name in LAYERS})


ROWS = {
    "fixed mask": Technique(
        lambda schedule: lambda layer: sos.FixedMask(layer, striped(layer)),
        inert=lambda layer: sos.FixedMask(layer, np.ones(layer.kernel.shape)),
        expect=expect_striped,
        scheduled=False,
        driven=False,
    )
}
