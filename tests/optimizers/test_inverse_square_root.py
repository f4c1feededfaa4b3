"""`InverseSquareRoot` against the formula, step by step."""

import keras
import numpy as np
import pytest

from state_of_sparsity.optimizers.inverse_square_root import InverseSquareRoot


def slow_rate(step, hidden_dim, warm_up, constant):
    """Returns the learning rate of step 1, 2, ... in float64."""
    return constant * hidden_dim**-0.5 * min(1, step / warm_up) * max(step, warm_up) ** -0.5


@pytest.mark.parametrize("arguments", [(512, 8000, 2.0), (64, 1, 1.0), (128, 300, 0.5)])
def test_the_formula(arguments):
    rate = InverseSquareRoot(*arguments)
    warm_up = arguments[1]
    for done in (0, 1, 7, warm_up - 1, warm_up, warm_up + 1, 100 * warm_up, 499_999):
        np.testing.assert_allclose(rate(done), slow_rate(done + 1, *arguments), rtol=1e-6)


def test_the_peak_of_the_base_setting():
    assert max(float(InverseSquareRoot()(step)) for step in range(7990, 8010)) == pytest.approx(
        9.88e-4, rel=1e-3
    )


def test_adam_uses_it_and_saves_it():
    adam = keras.optimizers.Adam(InverseSquareRoot(4, 2, 1.0))
    weight = keras.Variable([1.0])
    for step in (1, 2, 3):
        np.testing.assert_allclose(adam.learning_rate, slow_rate(step, 4, 2, 1.0), rtol=1e-6)
        adam.apply([keras.ops.ones(1)], [weight])
    again = keras.optimizers.deserialize(keras.optimizers.serialize(adam))
    assert again._learning_rate.get_config() == {"hidden_dim": 4, "warm_up": 2, "constant": 1.0}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_dim": 0}, "`hidden_dim` must be a number of at least 1. Received: 0."),
        ({"warm_up": 0}, "`warm_up` must be a number of at least 1. Received: 0."),
        ({"warm_up": "8000"}, "`warm_up` must be a number of at least 1. Received: '8000'."),
        ({"constant": 0}, "`constant` must be a number above 0. Received: 0."),
    ],
)
def test_arguments_outside_their_range(changes, message):
    with pytest.raises(ValueError, match=message):
        InverseSquareRoot(**changes)
