"""The gates' speed: the same formulas in other units, so that Adam shuts gates in a normal run."""

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from state_of_sparsity.data.images.digits import Digits
from state_of_sparsity.models.lenet import lenet_300_100
from tests import reference

DEFAULT = 16.0
X = np.random.default_rng(0).normal(size=(16, 6)).astype("float32")
Y = np.random.default_rng(1).normal(size=(16, 4)).astype("float32")


def gated(gate_speed, **options):
    layer = keras.layers.Dense(4)
    wrapper = sos.L0Regularization(layer, 0.1, seed=1, gate_speed=gate_speed, **options)
    wrapper.build((None, 6))
    return wrapper


def stored(wrapper):
    return next(v for v in wrapper.variables if v.name == "log_alpha")


def model_of(**options):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(4, name="dense")])
    return sos.sparsify(model, lambda layer: sos.L0Regularization(layer, 0.1, seed=1, **options))


def set_log_alphas(wrapper):
    """Spreads log alpha over shut and open gates, the same for every speed."""
    values = np.random.default_rng(2).uniform(-5, 5, stored(wrapper).shape)
    stored(wrapper).assign(values / wrapper.gate_speed)
    return values


@pytest.mark.parametrize("speed", [1.0, 10.0, DEFAULT])
@pytest.mark.parametrize("group", [None, "unit"])
def test_the_formulas_are_those_of_the_published_method(speed, group):
    wrapper, published = (gated(each, group=group) for each in (speed, 1.0))
    published.layer.kernel.assign(wrapper.layer.kernel)
    log_alpha = np.broadcast_to(set_log_alphas(wrapper), (6, 4))
    set_log_alphas(published)
    for training in (True, False):  # both draw the first noise of one seed
        outputs = [np.asarray(each(X, training=training)) for each in (wrapper, published)]
        np.testing.assert_allclose(outputs[0], outputs[1], rtol=1e-5, atol=1e-6)
    expected = 0.1 * reference.expected_l0(log_alpha)
    np.testing.assert_allclose(float(sum(wrapper.losses)), expected, rtol=1e-5)
    (kernel,) = wrapper.sparse_kernels
    np.testing.assert_array_equal(wrapper.present(kernel), reference.gate_mean(log_alpha) > 0)


@pytest.mark.parametrize("keep", [0.9, 0.99])
def test_gates_start_where_they_always_did(keep):
    starts = [
        speed * np.asarray(stored(gated(speed, initial_keep=keep))) for speed in (1.0, 10.0, 16.0)
    ]
    np.testing.assert_allclose(starts[1], starts[0], rtol=1e-6)
    np.testing.assert_allclose(starts[2], starts[0], rtol=1e-6)


def test_the_default_speed():
    assert sos.L0Regularization(keras.layers.Dense(4), 0.1).gate_speed == DEFAULT


@pytest.mark.parametrize("speed", [1.0, DEFAULT])
def test_adam_moves_log_alpha_by_the_speed_times_its_learning_rate(speed):
    model = model_of(gate_speed=speed)
    variable = stored(model.layers[0])
    before = speed * np.asarray(variable)
    model.compile(keras.optimizers.Adam(0.01, epsilon=1e-12), "mse")
    model.train_on_batch(X, Y)
    moved = np.abs(speed * np.asarray(variable) - before)
    np.testing.assert_allclose(moved, 0.01 * speed, rtol=1e-3)


def test_sgd_moves_log_alpha_by_the_speed_squared():
    moves = {}
    for speed in (1.0, DEFAULT):
        model = model_of(gate_speed=speed)
        set_log_alphas(model.layers[0])
        before = speed * np.asarray(stored(model.layers[0]))
        model.compile(keras.optimizers.SGD(0.1), "mse")
        model.train_on_batch(X, Y)
        moves[speed] = speed * np.asarray(stored(model.layers[0])) - before
    np.testing.assert_allclose(moves[DEFAULT], DEFAULT**2 * moves[1.0], rtol=1e-2, atol=1e-3)


class WithoutSpeed(sos.L0Regularization):
    """What the layer was before it had a speed."""

    def from_stored(self, stored):
        return stored


def test_at_speed_1_training_is_bit_for_bit_what_it_was_without():
    losses = []
    for technique in (sos.L0Regularization, WithoutSpeed):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(4)])
        model = sos.sparsify(model, lambda layer, t=technique: t(layer, 0.1, seed=1, gate_speed=1))
        model.compile(keras.optimizers.Adam(0.01), "mse")
        losses.append([float(model.train_on_batch(X, Y)) for _ in range(20)])
        losses[-1].append(np.asarray(stored(model.layers[0])).tolist())
    assert losses[0] == losses[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("optimizer", "l0_weight", "sparsity", "options"),
    [
        ("adam", 1e-3, 0.8, {}),
        ("adam", 2e-4, 0.5, {"group": "unit"}),
        ("adam", 1e-3, 0.7, {"initial_keep": 0.99}),
        ("rmsprop", 1e-3, 0.8, {}),
    ],
)
def test_plain_optimizers_prune_digits_in_900_steps(optimizer, l0_weight, sparsity, options):
    (x, y), (x_test, y_test) = Digits()._train, Digits()._test
    keras.utils.set_random_seed(0)
    model = sos.sparsify(
        lenet_300_100((8, 8, 1)),
        lambda layer: sos.L0Regularization(layer, l0_weight, **options),
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, metrics=["accuracy"])
    model.fit(x, y, epochs=27, verbose=0, callbacks=[sos.UpdateSparsity()])
    assert sos.report(model).sparsity > sparsity
    assert model.evaluate(x_test, y_test, verbose=0)[1] > 0.9


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_log_alpha_is_float32_in_mixed_precision(policy):
    keras.config.set_dtype_policy(policy)
    try:
        model = model_of()
    finally:
        keras.config.set_dtype_policy("float32")
    (wrapper,) = model.layers
    log_alpha = set_log_alphas(wrapper)
    assert keras.backend.standardize_dtype(stored(wrapper).dtype) == "float32"
    expected = np.asarray(wrapper.layer.kernel) * reference.gate_mean(log_alpha)
    (kernel,) = wrapper.sparse_kernels
    np.testing.assert_allclose(wrapper.evaluation_kernel(kernel), expected, rtol=1e-5, atol=1e-6)
    before = np.asarray(stored(wrapper))
    model.compile("adam", "mse")
    for _ in range(3):
        assert np.isfinite(model.train_on_batch(X, Y))
    assert (np.asarray(stored(wrapper)) != before).all()
    assert np.isfinite(np.asarray(stored(wrapper))).all()


@pytest.mark.parametrize("value", [0, -1.0, float("inf"), float("nan"), "fast", True, None])
def test_a_speed_that_is_none(value):
    with pytest.raises(ValueError, match=r"`gate_speed` must be a number above 0\. Received"):
        sos.L0Regularization(keras.layers.Dense(3), 0.1, gate_speed=value)


# Files, of today and from before there was a speed.


def before_there_was_a_speed(monkeypatch):
    """Makes the layer save what it saved before."""
    published, base = sos.L0Regularization, sos.L0Regularization.__bases__[0]

    def config_without(self, original=published.get_config):
        config = original(self)
        assert config.pop("gate_speed") == 1.0
        return config

    monkeypatch.setattr(published, "get_config", config_without)
    monkeypatch.setattr(published, "save_own_variables", base.save_own_variables)


@pytest.mark.parametrize("speed", [1.0, 10.0, DEFAULT])
def test_a_model_file_keeps_the_speed_and_every_bit(speed, tmp_path):
    model = model_of(gate_speed=speed)
    set_log_alphas(model.layers[0])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.layers[0].gate_speed == speed
    np.testing.assert_array_equal(stored(loaded.layers[0]), stored(model.layers[0]))


def test_a_model_file_from_before_means_speed_1(tmp_path, monkeypatch):
    model = model_of(gate_speed=1)
    set_log_alphas(model.layers[0])
    with monkeypatch.context() as patch:
        before_there_was_a_speed(patch)
        model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.layers[0].gate_speed == 1
    np.testing.assert_array_equal(stored(loaded.layers[0]), stored(model.layers[0]))


@pytest.mark.parametrize("old", [True, False])
def test_weights_of_another_speed_are_loaded_in_the_units_of_the_layer(old, tmp_path, monkeypatch):
    model, other = model_of(gate_speed=1), model_of()
    log_alpha = set_log_alphas(model.layers[0])
    with monkeypatch.context() as patch:
        if old:
            before_there_was_a_speed(patch)
        model.save_weights(tmp_path / "model.weights.h5")
    other.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_allclose(DEFAULT * np.asarray(stored(other.layers[0])), log_alpha, rtol=1e-6)
    np.testing.assert_array_equal(sos.masks(other)["dense/kernel"], log_alpha > -np.log(11))
    other.save_weights(tmp_path / "other.weights.h5")
    again = model_of(gate_speed=1)
    again.load_weights(tmp_path / "other.weights.h5")
    np.testing.assert_allclose(stored(again.layers[0]), log_alpha, rtol=1e-6)
