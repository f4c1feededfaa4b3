"""`count_params`, and so each row of `summary`, counts what the wrapped layer has."""

import keras
import numpy as np
import pytest
from keras import layers

import state_of_sparsity as sos

HALF = sos.schedules.ConstantSparsity(0.5, 0)
TECHNIQUES = {
    "magnitude": lambda layer: sos.MagnitudePruning(layer, HALF),
    "fixed": lambda layer: sos.FixedMask(layer, np.ones((6, 4))),
    "variational": lambda layer: sos.VariationalDropout(layer, 0.1),
    "l0, ramp": lambda layer: sos.L0Regularization(layer, sos.schedules.Ramp(1.0, 0, 2)),
}


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_masks_and_gates_are_no_parameters(technique):
    plain = keras.Sequential([keras.Input((6,)), layers.Dense(4, name="dense")])
    sparse = sos.sparsify(plain, TECHNIQUES[technique])
    assert sparse.layers[0].count_params() == plain.layers[0].count_params() == 28
    printed = []
    sparse.summary(print_fn=printed.append)
    (row,) = (line for line in "".join(printed).splitlines() if "dense" in line)
    assert "28" in row.replace("│", " ").replace("|", " ").split()


def test_a_layer_that_is_not_built_is_refused_as_by_keras():
    with pytest.raises(ValueError, match="isn't built"):
        TECHNIQUES["magnitude"](layers.Dense(4)).count_params()
