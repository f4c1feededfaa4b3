"""A mask that is given, and stays."""

import numpy as np

import state_of_sparsity as sos
from tests.golden_state import Golden, Statement
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


class InNumpy(Statement):
    """Every third weight is absent, always."""

    def __init__(self, given):
        super().__init__(given)
        self.mask = (np.arange(35) % 3 > 0).reshape(7, 5)


GOLDEN = Golden(lambda layer: sos.FixedMask(layer, striped(layer)), InNumpy)
