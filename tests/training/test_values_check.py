import functools

import keras
import pytest

import state_of_sparsity as sos
from state_of_sparsity.training.values_check import check_values
from tests.training.experiments import SCHEDULE, small_experiment

LATE = sos.schedules.PolynomialDecay(0.0, 0.8, begin_step=0, end_step=50, frequency=1)


class OfTheUsers(sos.MagnitudePruning):
    """A technique that only takes convolutions."""

    def __init__(self, layer, schedule=LATE):
        raise ValueError(f"no convolution: {layer}")


def test_what_fits_is_let_through_without_a_model(monkeypatch):
    def model():
        raise AssertionError("the model was made")

    for rules in (
        None,
        sos.distributions.global_magnitude(SCHEDULE),
        [("hidden", None), (".*", OfTheUsers)],
        lambda layer: OfTheUsers(layer),
    ):
        check_values(small_experiment(model=model, rules=rules))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rules": sos.distributions.global_magnitude(LATE)}, "within `steps`, 6: Polynom"),
        ({"rules": [("a", None), ("b", sos.distributions.global_magnitude(LATE))]}, "`steps`, 6"),
        ({"rules": sos.SaliencyPruning}, "schedule"),
        ({"rules": [("(", sos.MagnitudePruning)]}, "regular expressions"),
        ({"optimizer": functools.partial(keras.optimizers.Adam, -1.0)}, "Received: -1"),
        ({"optimizer": dict}, "returns a Keras optimizer"),
    ],
)
def test_what_does_not_fit(changes, message):
    with pytest.raises((TypeError, ValueError), match=message):
        check_values(small_experiment(**changes))
