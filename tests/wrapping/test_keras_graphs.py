"""What is used of Keras's graphs is as it is taken to be."""

import keras
import numpy as np

from state_of_sparsity.wrapping import keras_graphs


class OwnCall(keras.Model):
    def call(self, inputs):
        return super().call(inputs) + 1


class NoCall(keras.Model):
    pass


def test_a_model_that_runs_its_graph():
    inputs = keras.Input((3,))
    outputs = keras.layers.Dense(2)(inputs)
    assert keras_graphs.runs_its_graph(keras.Model(inputs, outputs))
    assert keras_graphs.runs_its_graph(NoCall(inputs, outputs))
    assert not keras_graphs.runs_its_graph(OwnCall(inputs, outputs))
    assert keras_graphs.runs_its_graph(keras.Sequential([inputs, keras.layers.Dense(2)]))
    assert not keras_graphs.runs_its_graph(keras.Sequential([keras.layers.Dense(2)]))
    assert not keras_graphs.runs_its_graph(keras.layers.Dense(2))


def test_calls_come_in_order_and_are_run_one_by_one():
    inputs = keras.Input((3,))
    hidden = keras.layers.Dense(2, name="hidden")(inputs)
    total = keras.layers.Add(name="total")([hidden, hidden])
    model = keras.Model(inputs, keras.layers.Dropout(0.5, name="drop")(total, training=True))
    calls = keras_graphs.calls_in_order(model)
    assert [call.operation.name for call in calls] == ["hidden", "total", "drop"]
    assert [keras_graphs.has_keywords(call) for call in calls] == [False, False, True]
    ones = np.ones((1, 2), "float32")
    (found,) = keras_graphs.run_call(calls[1], [ones, ones])
    np.testing.assert_array_equal(found, 2 * ones)


def test_a_mask_is_seen():
    tokens = keras.Input((4,), dtype="int32")
    assert keras_graphs.is_masked(keras.layers.Embedding(5, 3, mask_zero=True)(tokens))
    assert not keras_graphs.is_masked(keras.layers.Embedding(5, 3)(tokens))
