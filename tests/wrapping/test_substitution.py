"""What a layer does beside computing takes effect as without a wrapper, in loops too."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import state_of_sparsity as sos

HALF = sos.schedules.ConstantSparsity(0.5, begin_step=0, frequency=1)
X = np.ones((8, 5, 4), "float32")


class DroppingCell(layers.Layer):
    """A cell with a dropout of its own, which draws anew at every position."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.state_size = self.output_size = units
        self.dense, self.dropout = layers.Dense(units), layers.Dropout(0.5, seed=1)

    def build(self, shape):
        self.dense.build((None, shape[-1] + self.state_size))

    def call(self, x, states, training=None):
        hidden = self.dense(ops.concatenate([x, 0.0 * states[0]], axis=-1))
        hidden = self.dropout(hidden, training=training)
        return hidden, [hidden]


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="on JAX a plain model with such a cell fails"
)
@pytest.mark.parametrize(
    "rule",
    [
        lambda layer: sos.MagnitudePruning(layer, HALF),
        lambda layer: sos.VariationalDropout(layer, 1e-3),
    ],
)
def test_a_cell_may_draw_noise_in_a_loop(rule):
    cell = DroppingCell(64)
    inputs = keras.Input((5, 4))
    hidden = layers.RNN(cell, return_sequences=True)(inputs)
    model = keras.Model(inputs, layers.Dense(2)(hidden))
    drawn = []
    for each in (model, sos.sparsify(model, rule)):
        each.compile("adam", "mse")
        before = cell.dropout.seed_generator.state.numpy()
        callbacks = [] if each is model else [sos.UpdateSparsity()]
        each.fit(X, np.ones((8, 5, 2)), verbose=0, callbacks=callbacks)
        drawn.append(cell.dropout.seed_generator.state.numpy() - before)
        outputs = each.layers[1](X, training=True).numpy()
        assert not np.array_equal(outputs[:, 0] == 0, outputs[:, 1] == 0)
    np.testing.assert_array_equal(*drawn)
    assert drawn[0].max() >= 5  # positions
