"""L0 regularization against the formulas of Louizos et al., 2018."""

import math

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from state_of_sparsity.layers import random_numbers
from tests import reference

DRAWS = 20_000
SIGMAS = 5  # standard errors allowed


def gated(log_alpha, kernel=None, **options):
    """Returns a wrapper around a dense layer whose kernel has gates of these log alphas."""
    log_alpha = np.asarray(log_alpha, np.float32)
    options.setdefault("l0_weight", 0.0)
    wrapper = sos.L0Regularization(
        keras.layers.Dense(log_alpha.shape[1], use_bias=False), seed=1, **options
    )
    wrapper.build((None, log_alpha.shape[0]))
    wrapper.layer.kernel.assign(np.ones(log_alpha.shape) if kernel is None else kernel)
    state(wrapper).assign(log_alpha / wrapper.gate_speed)
    return wrapper


def state(wrapper):
    return next(v for v in wrapper.variables if v.name == "log_alpha")


def gates(wrapper, training):
    """Returns the effective kernel, which is what the identity matrix is mapped to."""
    identity = np.eye(wrapper.layer.kernel.shape[0], dtype="float32")
    return keras.ops.convert_to_numpy(wrapper(identity, training=training))


@pytest.mark.parametrize("value", ["just below", "at", "just above"])
def test_a_gate_is_zero_iff_log_alpha_is_at_most_minus_ln_11(value):
    at = np.float32(-math.log(11))
    log_alpha = {
        "just below": np.nextafter(at, np.float32(-np.inf)),
        "at": at,
        "just above": np.nextafter(at, np.float32(np.inf)),
    }[value]
    wrapper = gated([[log_alpha, 4.0]])
    (kernel,) = wrapper.sparse_kernels
    is_open = value == "just above"
    assert (gates(wrapper, training=False)[0, 0] != 0) == is_open
    assert (wrapper.evaluation_kernel(kernel)[0, 0] != 0) == is_open
    np.testing.assert_array_equal(wrapper.present(kernel), [[is_open, True]])


def test_gates_near_the_boundary_are_zero_exactly_where_they_are_absent():
    at = np.float32(-math.log(11))
    steps = np.arange(-2000, 2000).astype(np.int32)
    log_alpha = (at.view(np.int32) + steps).view(np.float32)[None]
    wrapper = gated(log_alpha)
    (kernel,) = wrapper.sparse_kernels
    np.testing.assert_array_equal(gates(wrapper, training=False) != 0, log_alpha > at)
    np.testing.assert_array_equal(wrapper.present(kernel), log_alpha > at)


def test_the_gate_of_evaluation_is_the_formula():
    log_alpha = np.linspace(-6, 6, 200).reshape(10, 20)
    kernel = np.random.default_rng(0).normal(size=(10, 20))
    wrapper = gated(log_alpha, kernel)
    expected = kernel * reference.gate_mean(log_alpha)
    np.testing.assert_allclose(gates(wrapper, training=False), expected, rtol=1e-5, atol=1e-6)
    assert (reference.gate_mean(log_alpha) == 1).any()  # open gates are exactly open
    fully_open = log_alpha > 2.4
    np.testing.assert_array_equal(
        gates(wrapper, training=False)[fully_open], np.float32(kernel)[fully_open]
    )


def test_the_sampled_gate_is_the_formula(monkeypatch):
    rng = np.random.default_rng(0)
    log_alpha, uniform = rng.uniform(-4, 4, (10, 20)), np.float32(rng.uniform(size=(10, 20)))
    kernel = rng.normal(size=(10, 20))
    wrapper = gated(log_alpha, kernel)
    monkeypatch.setattr(
        random_numbers, "uniform", lambda shape, dtype=None, seed=None: keras.ops.array(uniform)
    )
    expected = kernel * reference.gate_sample(np.float32(log_alpha), uniform)
    np.testing.assert_allclose(gates(wrapper, training=True), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("uniform", [0.0, 1 - 2.0**-24])
def test_the_ends_of_the_uniform_distribution_give_finite_gates(uniform, monkeypatch):
    wrapper = gated([[0.0, -20.0, 20.0]])
    monkeypatch.setattr(
        random_numbers,
        "uniform",
        lambda shape, dtype=None, seed=None: keras.ops.full(shape, uniform, dtype),
    )
    sampled = gates(wrapper, training=True)
    assert np.isfinite(sampled).all()
    np.testing.assert_allclose(
        sampled[0],
        reference.gate_sample(np.array([0.0, -20.0, 20.0]), np.float32(uniform)),
        rtol=1e-6,
    )


@pytest.mark.parametrize("log_alpha", [-1.5, 0.0, 2.197])
def test_sampled_gates_follow_the_hard_concrete_distribution(log_alpha):
    """Louizos et al., equation 4 and section 4.1: P(z <= t), with its atoms at 0 and 1."""
    sampled = gates(gated(np.full((1, DRAWS), log_alpha)), training=True)[0].astype(np.float64)

    def cumulative(t):
        s = (t - reference.GAMMA) / (reference.ZETA - reference.GAMMA)
        return reference.sigmoid((math.log(s) - math.log(1 - s)) * reference.BETA - log_alpha)

    assert sampled.min() == 0 and sampled.max() == 1
    for t in (0.0, 0.1, 0.35, 0.6, 0.9, 1 - 1e-6):
        expected = cumulative(t)
        error = SIGMAS * math.sqrt(expected * (1 - expected) / DRAWS)
        assert abs(np.mean(sampled <= t) - expected) < error
    # The penalty is the expected number of gates that are not zero.
    assert reference.expected_l0([log_alpha]) == pytest.approx(1 - cumulative(0.0))


@pytest.mark.parametrize(
    ("beta", "gamma", "zeta"),
    [(reference.BETA, reference.GAMMA, reference.ZETA), (0.5, -0.2, 1.3)],
)
def test_penalty_and_gate_with_other_constants(beta, gamma, zeta):
    log_alpha = np.random.default_rng(0).uniform(-6, 6, (10, 20)).astype(np.float32)
    wrapper = gated(log_alpha, l0_weight=0.25, beta=beta, gamma=gamma, zeta=zeta)
    expected = 0.25 * reference.expected_l0(log_alpha, beta, gamma, zeta)
    np.testing.assert_allclose(float(sum(wrapper.losses)), expected, rtol=1e-5)
    mean = reference.gate_mean(log_alpha, gamma, zeta)
    np.testing.assert_allclose(gates(wrapper, training=False), mean, rtol=1e-5, atol=1e-6)


def test_one_gate_for_each_weight_and_call_the_same_for_the_whole_batch():
    wrapper = gated(np.zeros((4, 3)))
    inputs = np.repeat(np.float32([[[1, 2, 3, 4]]]), 5, axis=1).repeat(6, axis=0)
    first = np.asarray(wrapper(inputs, training=True)).reshape(30, 3)
    np.testing.assert_allclose(first, np.repeat(first[:1], 30, axis=0), rtol=1e-6)
    second = np.asarray(wrapper(inputs, training=True)).reshape(30, 3)
    assert (first != second).any()


def test_evaluation_draws_nothing(monkeypatch):
    wrapper = gated(np.zeros((4, 3)))
    monkeypatch.delattr(random_numbers, "uniform")
    np.testing.assert_array_equal(gates(wrapper, False), gates(wrapper, False))


@pytest.mark.parametrize("keep", [0.9, 0.7])
def test_log_alpha_starts_around_the_logit_of_initial_keep(keep):
    wrapper = sos.L0Regularization(keras.layers.Dense(100), 0.0, initial_keep=keep, seed=1)
    wrapper.build((None, 100))
    start = wrapper.gate_speed * state(wrapper).numpy()
    assert abs(start.mean() - math.log(keep / (1 - keep))) < SIGMAS * 0.01 / 100
    assert abs(start.std() - 0.01) < SIGMAS * 0.01 / math.sqrt(2 * start.size)


@pytest.mark.parametrize(("keep", "scale"), [(0.9, 0.77), (0.93, 1.0), (0.95, 1.0), (0.99, 1.0)])
def test_outputs_right_after_sparsify_of_thirteen_layers(keep, scale):
    """What docs/l0_regularization.md says of networks that are trained already."""
    model = keras.Sequential([keras.Input((64,))])
    for _ in range(12):
        model.add(keras.layers.Dense(64, "relu", kernel_initializer="he_normal"))
    model.add(keras.layers.Dense(10))
    x = np.random.default_rng(0).normal(size=(256, 64)).astype("float32")
    before = keras.ops.convert_to_numpy(model(x))
    sparse = sos.sparsify(model, lambda layer: sos.L0Regularization(layer, 1e-4, keep, seed=1))
    after = keras.ops.convert_to_numpy(sparse(x))
    if scale == 1:
        np.testing.assert_array_equal(after, before)
    else:
        assert np.abs(after).sum() / np.abs(before).sum() == pytest.approx(scale, abs=0.01)


def test_a_frozen_wrapper_has_no_penalty():
    wrapper = gated(np.zeros((4, 3)), l0_weight=1.0)
    assert wrapper.losses
    wrapper.trainable = False
    assert not wrapper.losses


def test_the_configuration_holds_every_argument():
    arguments = {
        "initial_keep": 0.7,
        "beta": 0.5,
        "gamma": -0.2,
        "zeta": 1.3,
        "seed": 11,
        "name": "gated",
        "trainable": False,
    }
    ramp = sos.schedules.Ramp(0.1, 3, 9, "cubic")
    wrapper = sos.L0Regularization(
        keras.layers.SimpleRNN(2), ramp, kernels=("recurrent_kernel",), **arguments
    )
    again = sos.L0Regularization.from_config(wrapper.get_config())
    assert {name: getattr(again, name) for name in arguments} == arguments
    assert again.penalty_weight.get_config() == ramp.get_config()
    again.build((None, 3, 4))
    assert [kernel.variable.name for kernel in again.sparse_kernels] == ["recurrent_kernel"]


# One gate a unit.


def grouped(layer, input_shape, log_alpha, **options):
    """Returns a wrapper with a gate a unit, built, whose log alphas are those given."""
    wrapper = sos.L0Regularization(layer, group="unit", seed=1, **options)
    wrapper.build(input_shape)
    state(wrapper).assign(np.reshape(log_alpha, state(wrapper).shape) / wrapper.gate_speed)
    return wrapper


def test_the_penalty_counts_the_weights_of_each_unit():
    log_alpha = [-3.0, 0.5]
    dense = grouped(keras.layers.Dense(7), (None, 2), log_alpha, l0_weight=0.25)
    expected = 0.25 * 7 * reference.expected_l0(np.array(log_alpha))
    np.testing.assert_allclose(float(sum(dense.losses)), expected, rtol=1e-6)
    convolution = grouped(keras.layers.Conv2D(2, 3), (None, 8, 8, 5), log_alpha, l0_weight=0.25)
    np.testing.assert_allclose(float(sum(convolution.losses)), expected / 7 * 45, rtol=1e-6)


def test_whole_units_are_dropped_and_counted():
    layer = grouped(keras.layers.Dense(7), (None, 4), [-3.0, 0.5, -2.5, 3.0], l0_weight=0.0)
    model = keras.Sequential([keras.Input((4,)), layer])
    (row,) = sos.report(model).layers
    assert (row.nonzero, row.inputs_left, row.outputs_left) == (14, 2, 7)
    (mask,) = sos.masks(model).values()
    np.testing.assert_array_equal(mask[:, 0], [False, True, False, True])
    np.testing.assert_array_equal(mask, np.repeat(mask[:, :1], 7, axis=1))


def test_the_gates_of_a_step_are_shared_by_the_weights_of_a_unit():
    layer = grouped(keras.layers.Dense(7, use_bias=False), (None, 5), np.zeros(5), l0_weight=0.0)
    layer.layer.kernel.assign(np.ones((5, 7)))
    sampled = np.asarray(layer(np.eye(5, dtype="float32"), training=True))
    np.testing.assert_array_equal(sampled, np.repeat(sampled[:, :1], 7, axis=1))
    assert len(np.unique(sampled[:, 0])) > 1


def test_a_useless_input_is_dropped_and_a_useful_one_kept():
    """Targets are 3 x_0; x_1 is noise. Each costs the same number of weights."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(512, 2)).astype("float32")
    model = sos.sparsify(
        keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]),
        lambda layer: sos.L0Regularization(layer, 0.3, group="unit", seed=1),
    )
    model.compile(keras.optimizers.Adam(0.05), "mse")
    model.fit(x, 3 * x[:, :1], epochs=40, batch_size=64, verbose=0)
    (mask,) = sos.masks(model).values()
    np.testing.assert_array_equal(mask[:, 0], [True, False])


def test_another_group_is_refused():
    with pytest.raises(ValueError, match=r'`group` must be None.*or "unit".*Received: \'output\''):
        sos.L0Regularization(keras.layers.Dense(3), 0.1, group="output")


def test_a_kernel_without_known_units_is_refused():
    wrapper = sos.L0Regularization(keras.layers.ConvLSTM1D(2, 3), 0.1, group="unit")
    with pytest.raises(ValueError, match=r"must belong to one of Keras's dense"):
        wrapper.build((None, 4, 8, 3))


def test_the_group_is_saved():
    wrapper = sos.L0Regularization(keras.layers.Dense(3), 0.1, group="unit")
    config = wrapper.get_config()
    assert sos.L0Regularization.from_config(config).group == config["group"] == "unit"
    assert sos.L0Regularization.from_config({**config, "group": "input"}).group == "unit"
