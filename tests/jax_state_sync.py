"""What holds on JAX alone; not collected with the other tests: `test_jax.py` runs it there."""

import sys

import jax
import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from tests.conformance import TECHNIQUES, X, Y, sparse_model

STEPS = 24


def test_the_backend_is_jax_and_tensorflow_is_blocked():
    assert keras.backend.backend() == "jax"
    assert sys.modules["tensorflow"] is None


class CountAfterEveryStep(keras.callbacks.Callback):
    """Notes how long a list is after every step, without asking for the model."""

    def __init__(self, calls):
        super().__init__()
        self.calls, self.counts = calls, []

    def on_train_batch_end(self, batch, logs=None):
        self.counts.append(len(self.calls))


# Updates at steps 4 and 8; a ramp that jumps at step 4; nothing that changes.
UPDATES = {"magnitude": [4, 8], "global magnitude": [4, 8], "l0, ramp": [4], "fixed mask": []}


@pytest.mark.parametrize("name", UPDATES)
def test_only_steps_with_an_update_synchronise_the_state(name, monkeypatch):
    """On JAX the state of training lies outside the model, and is copied into it when asked for."""
    calls, original = [], keras.Model.jax_state_sync

    def counting(self):
        calls.append(self)
        original(self)

    monkeypatch.setattr(keras.Model, "jax_state_sync", counting)
    model, count = sparse_model(name), CountAfterEveryStep(calls)
    driver = [sos.UpdateSparsity()] if TECHNIQUES[name].driven else []
    x, y = np.tile(X, (6, 1, 1, 1)), np.tile(Y, (6, 1))
    model.fit(x, y, batch_size=4, verbose=0, callbacks=[*driver, count])
    assert len(count.counts) == STEPS
    grown = [
        step for step in range(2, STEPS + 1) if count.counts[step - 1] > count.counts[step - 2]
    ]
    assert grown == UPDATES[name]


def constrained_model():
    """Returns a model with a mask and a constraint, its first update done."""
    layer = keras.layers.Dense(3, kernel_constraint="unit_norm")
    half = sos.schedules.ConstantSparsity(0.5, begin_step=0)
    plain = keras.Sequential([keras.Input((4,)), layer])
    model = sos.sparsify(plain, lambda layer: sos.MagnitudePruning(layer, half))
    sos.UpdateSparsity().update(model, 0)
    optimizer = keras.optimizers.SGD(0.1)
    optimizer.build(model.trainable_variables)
    return model, optimizer


def loss_of(model):
    def loss(trainable, fixed, x):
        outputs, _ = model.stateless_call(trainable, fixed, x, training=True)
        return keras.ops.mean(keras.ops.square(outputs - 1.0))

    return loss


def values(variables):
    return [v.value for v in variables]


def norms_after(model, trainable):
    for variable, value in zip(model.trainable_variables, trainable, strict=True):
        variable.assign(value)
    (wrapper,) = sos.sparse_layers(model).values()
    return np.linalg.norm(wrapper.evaluation_kernel(wrapper.sparse_kernels[0]), axis=0)


def test_constraints_in_a_jitted_loop_of_ones_own():
    model, optimizer = constrained_model()
    loss = loss_of(model)

    @jax.jit
    def step(trainable, fixed, state, x):
        gradients = jax.grad(loss)(trainable, fixed, x)
        return optimizer.stateless_apply(state, gradients, trainable)

    fixed, x = values(model.non_trainable_variables), np.ones((2, 4), "float32")
    trainable, state = values(model.trainable_variables), values(optimizer.variables)
    for _ in range(3):
        trainable, state = step(trainable, fixed, state, x)
    np.testing.assert_allclose(norms_after(model, trainable), 1, rtol=1e-4)


@pytest.mark.parametrize("jitted", [False, True])
def test_gradients_of_another_jitted_function(jitted):
    model, optimizer = constrained_model()
    fixed, x = values(model.non_trainable_variables), np.ones((2, 4), "float32")
    trainable, state = values(model.trainable_variables), values(optimizer.variables)
    gradients = jax.jit(jax.grad(loss_of(model)))(trainable, fixed, x)
    if jitted:
        with pytest.raises(jax.errors.UnexpectedTracerError):
            jax.jit(optimizer.stateless_apply)(state, gradients, trainable)
    else:
        trainable, _ = optimizer.stateless_apply(state, gradients, trainable)
        np.testing.assert_allclose(norms_after(model, trainable), 1, rtol=1e-4)
