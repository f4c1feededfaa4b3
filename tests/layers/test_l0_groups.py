"""L0 regularization with one gate a unit."""

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from tests import reference


def grouped(layer, input_shape, log_alpha, **options):
    """Returns a wrapper with a gate a unit, built, whose log alphas are those given."""
    wrapper = sos.L0Regularization(layer, group="input", seed=1, **options)
    wrapper.build(input_shape)
    state = next(v for v in wrapper.variables if v.name == "log_alpha")
    state.assign(np.reshape(log_alpha, state.shape))
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
        lambda layer: sos.L0Regularization(layer, 0.3, group="input", seed=1),
    )
    model.compile(keras.optimizers.Adam(0.05), "mse")
    model.fit(x, 3 * x[:, :1], epochs=40, batch_size=64, verbose=0)
    (mask,) = sos.masks(model).values()
    np.testing.assert_array_equal(mask[:, 0], [True, False])


def test_another_group_is_refused():
    with pytest.raises(ValueError, match=r'`group` must be None.*or "input".*Received: \'output\''):
        sos.L0Regularization(keras.layers.Dense(3), 0.1, group="output")


def test_a_kernel_without_known_units_is_refused():
    wrapper = sos.L0Regularization(keras.layers.ConvLSTM1D(2, 3), 0.1, group="input")
    with pytest.raises(ValueError, match=r"must belong to one of Keras's dense"):
        wrapper.build((None, 4, 8, 3))


def test_the_group_is_saved():
    wrapper = sos.L0Regularization(keras.layers.Dense(3), 0.1, group="input")
    assert sos.L0Regularization.from_config(wrapper.get_config()).group == "input"
