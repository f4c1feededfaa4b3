"""`variables_by_path` of what is no model, and of a wrapper by itself; models: test_snapshot.py."""

import keras
import numpy as np
import pytest
from keras import layers

import state_of_sparsity as sos
from state_of_sparsity.surgery.variables_by_path import variables_by_path


def names(layer):
    return [list(found) for found in variables_by_path(layer)]


def test_a_layer_by_itself():
    layer = layers.BatchNormalization()
    layer.build((None, 2))
    assert names(layer) == [["gamma", "beta", "moving_mean", "moving_variance"], []]


def test_a_wrapper_by_itself_stands_for_its_layer():
    lstm = layers.LSTM(3)
    lstm.build((None, 5, 2))
    wrapper = sos.VariationalDropout(lstm, kl_weight=0.1)
    weights, technique = names(wrapper)
    assert weights == names(lstm)[0]
    assert sorted(technique) == ["kernel_log_sigma2", "recurrent_kernel_log_sigma2"]
    dense = layers.Dense(2)
    dense.build((None, 3))
    assert names(sos.FixedMask(dense, np.ones((3, 2)))) == [["kernel", "bias"], []]


def test_variables_are_those_of_the_model_and_trained_with_it():
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1, name="dense")])
    variables_by_path(model)[0]["dense/bias"].assign([5.0])
    assert model.predict(np.zeros((1, 2)), verbose=0).item() == 5


def test_a_variable_that_two_layers_hold_is_named_by_the_first():
    class Again(layers.Layer):
        def __init__(self, kernel):
            super().__init__(name="again")
            self.held = kernel

        def call(self, inputs):
            return inputs @ self.held

    first = layers.Dense(2, name="first")
    first.build((None, 2))
    model = keras.Sequential([keras.Input((2,)), first, Again(first.kernel)])
    assert names(model) == [["first/kernel", "first/bias"], []]


def test_what_is_no_model():
    with pytest.raises(ValueError, match="`model` must be a Keras model"):
        variables_by_path("model")
