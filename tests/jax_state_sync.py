"""What holds on JAX alone; not collected with the other tests: `test_jax.py` runs it there."""

import sys

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from tests.test_conformance import TECHNIQUES, X, Y, sparse_model

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
