"""`AdamWithMultipliers` and `SGDWithMultipliers` against Keras's own, in a real `fit`."""

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from state_of_sparsity.optimizers.adam_with_multipliers import AdamWithMultipliers
from state_of_sparsity.optimizers.sgd_with_multipliers import SGDWithMultipliers

X = np.random.default_rng(0).normal(size=(32, 5)).astype("float32")
Y = X[:, :2] - 1


def moved(optimizer, **options):
    """Returns how far each variable is from its start after one step, by its name."""
    keras.utils.set_random_seed(0)
    model = sos.sparsify(
        keras.Sequential([keras.Input((5,)), keras.layers.Dense(2)]),
        lambda layer: sos.VariationalDropout(layer, 0.1, seed=1),
    )
    model.compile(optimizer, "mse", **options)
    start = [variable.numpy() for variable in model.trainable_variables]
    model.fit(X, Y, batch_size=32, epochs=1, verbose=0)
    return {v.name: v.numpy() - s for v, s in zip(model.trainable_variables, start, strict=True)}


@pytest.mark.parametrize("jit_compile", [False, True])
def test_only_the_variables_named_move_by_another_learning_rate(jit_compile):
    plain = moved(keras.optimizers.Adam(0.01), jit_compile=jit_compile)
    scaled = moved(AdamWithMultipliers(0.01, multipliers={"sigma2": 4.0}), jit_compile=jit_compile)
    for name in ("kernel", "bias"):
        np.testing.assert_allclose(scaled[name], plain[name], rtol=1e-5)
    np.testing.assert_allclose(scaled["log_sigma2"], 4 * plain["log_sigma2"], rtol=1e-4, atol=1e-6)
    assert np.abs(plain["log_sigma2"]).max() > 0.005


def test_without_multipliers_it_is_adam():
    schedule = keras.optimizers.schedules.PolynomialDecay(0.01, 10)
    plain, scaled = moved(keras.optimizers.Adam(schedule)), moved(AdamWithMultipliers(schedule))
    for name in plain:
        np.testing.assert_array_equal(plain[name], scaled[name])


def test_a_name_that_no_variable_has_is_refused():
    with pytest.raises(ValueError, match=r"`multipliers` must name.*'log_alpha'; the variables"):
        moved(AdamWithMultipliers(0.01, multipliers={"log_alpha": 4.0}))


@pytest.mark.parametrize("factor", [0, -1.0, "2", None])
def test_a_factor_that_is_not_above_zero_is_refused(factor):
    with pytest.raises(ValueError, match=r"`multipliers` must hold factors above 0. Received"):
        AdamWithMultipliers(multipliers={"kernel": factor})


def test_the_configuration_holds_the_multipliers():
    optimizer = AdamWithMultipliers(0.5, multipliers={"kernel": 2.0}, beta_1=0.8)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(optimizer))
    assert (again.multipliers, again.beta_1) == ({"kernel": 2.0}, 0.8)


def test_momentum_is_scaled_too():
    plain = moved(keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True))
    options = {"momentum": 0.9, "nesterov": True}
    scaled = moved(SGDWithMultipliers(0.1, {"kernel": 8.0}, **options))
    np.testing.assert_allclose(scaled["kernel"], 8 * plain["kernel"], rtol=1e-4)
    np.testing.assert_allclose(scaled["bias"], plain["bias"], rtol=1e-5)
    assert np.abs(plain["kernel"]).min() > 0.005
