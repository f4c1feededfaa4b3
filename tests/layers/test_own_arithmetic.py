"""Classes and layers of the user's own that compute something else: heeded, or refused."""

import numpy as np
import pytest
from keras import layers, ops

import state_of_sparsity as sos
from state_of_sparsity.wrapping.linear_layers import is_linear

WRAPPERS = (sos.SparseWrapper, sos.MagnitudePruning, sos.FixedMask, sos.VariationalDropout)


class DoubledOutputs:
    def call(self, inputs):
        return 2 * super().call(inputs)


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_technique_with_a_call_of_its_own_is_refused_when_it_is_defined(wrapper):
    with pytest.raises(TypeError, match=r"`Mine` must not define `call`.*Override `sparse_call"):

        class Mine(wrapper):
            def call(self, inputs):
                return inputs

    with pytest.raises(TypeError, match=r"Received: `call` of DoubledOutputs"):

        class Mixed(DoubledOutputs, wrapper):
            pass

    with pytest.raises(TypeError, match=r"Received: `call` of Dense"):

        class Both(wrapper, layers.Dense):
            pass


def test_sparse_call_is_what_a_technique_overrides():
    class Doubled(sos.FixedMask):
        def sparse_call(self, args, kwargs, training):
            return 2 * super().sparse_call(args, kwargs, training)

    layer = layers.Dense(2)
    x = np.ones((3, 4), "float32")
    once = layer(x)
    np.testing.assert_allclose(Doubled(layer, np.ones((4, 2)))(x), 2 * once)


class Built(layers.Dense):
    """Nothing but another constructor, build and configuration."""

    def __init__(self, units=2, **kwargs):
        super().__init__(units, **kwargs)

    def build(self, input_shape):
        super().build(input_shape)

    def get_config(self):
        return super().get_config()


class Standardized(layers.Conv1D):
    """Weight standardization, as it is usually written."""

    def convolution_op(self, inputs, kernel):
        kernel = kernel - ops.mean(kernel, axis=(0, 1), keepdims=True)
        return super().convolution_op(inputs, kernel)


class Positive(layers.Dense):
    @property
    def kernel(self):
        return ops.abs(super().kernel)


class Called(layers.Embedding):
    def call(self, inputs):
        return ops.tanh(super().call(inputs))


def with_a_call_of_its_own():
    layer = layers.Dense(2)
    inner = layer.call
    layer.call = lambda inputs, training=None: ops.tanh(inner(inputs))
    return layer


def with_a_convolution_of_its_own():
    layer = layers.Conv1D(2, 1)
    inner = layer.convolution_op
    layer.convolution_op = lambda inputs, kernel: inner(inputs, ops.abs(kernel))
    return layer


OTHERS = {
    "method": (lambda: Standardized(2, 2), (None, 4, 3)),
    "property": (lambda: Positive(2), (None, 4)),
    "call": (lambda: Called(5, 2), (None, 4)),
    "call of an instance": (with_a_call_of_its_own, (None, 4)),
    "method of an instance": (with_a_convolution_of_its_own, (None, 4, 3)),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_a_layer_that_computes_something_else_has_its_weights_drawn(kind):
    make, shape = OTHERS[kind]
    layer = make()
    assert not is_linear(layer)
    x = np.ones((2, *shape[1:]), "float32")
    plain = layer(x)
    wrapper = sos.VariationalDropout(layer, 0.0, initial_log_sigma2=-60, clip_log_alpha=None)
    np.testing.assert_allclose(wrapper(x, training=True), plain, atol=2e-3)


def test_a_layer_that_is_only_made_in_another_way_is_linear():
    layer = Built(activation="relu", kernel_regularizer="l2", dtype="mixed_bfloat16")
    assert is_linear(layer)
    layer.build((None, 3))
    layer.trainable = False
    assert is_linear(layer)


def test_a_variational_dropout_that_draws_weights_in_its_own_way_does_so():
    drawn = []

    class Uniform(sos.VariationalDropout):
        def effective_kernel(self, kernel, training):
            drawn.append(training)
            return super().effective_kernel(kernel, training)

    wrapper = Uniform(layers.Dense(2), 0.0)
    wrapper(np.ones((3, 4), "float32"), training=True)
    assert drawn == [True]


def test_gates_of_ones_own_decide_what_is_present():
    class Halved(sos.L0Regularization):
        def mean_gate(self, log_alpha):
            return ops.relu(super().mean_gate(log_alpha) - 0.5)

    layer = layers.Dense(2)
    layer.build((None, 2))
    wrapper = Halved(layer, 0.0)
    (kernel,) = wrapper.sparse_kernels
    wrapper.kernel_state["kernel"].assign([[-9.0, -0.5], [0.5, 9.0]])
    np.testing.assert_array_equal(wrapper.present(kernel), [[False, False], [True, True]])
    np.testing.assert_array_equal(wrapper.evaluation_kernel(kernel) != 0, wrapper.present(kernel))
