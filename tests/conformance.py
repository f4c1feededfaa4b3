"""The conformance table: every row of every file in `tests/techniques`, and models to try them on.

The tests that every row has to pass are in `test_conformance*.py`.
"""

import functools
import importlib
import pathlib

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from tests.slow_variants import slow_but
from tests.technique import SCHEDULE, fill_records, spread

FILES = sorted((pathlib.Path(__file__).parent / "techniques").glob("*.py"))
TECHNIQUES = {
    name: technique
    for file in FILES
    for name, technique in importlib.import_module(f"tests.techniques.{file.stem}").ROWS.items()
}
every_technique = pytest.mark.parametrize("name", TECHNIQUES)
# Masks, which are alike in what runs, noise, and gates.
OF_EACH_KIND = ["magnitude", "variational dropout", "l0"]
# The first row of each file, for tests that take long.
ONE_EACH = [next(iter(importlib.import_module(f"tests.techniques.{f.stem}").ROWS)) for f in FILES]


def chosen_rows(request, test):
    """Returns the names of the rows that `test` is run with, for what is done once for them all."""
    items = [item for item in request.session.items if item.path == request.path]
    chosen = {i.callspec.params["name"] for i in items if i.originalname == test.__name__}
    return [name for name in TECHNIQUES if name in chosen]


# The suite runs it with those, `-m ''` with every row.
one_of_each = pytest.mark.parametrize("name", slow_but(ONE_EACH, TECHNIQUES))


STEPS_PER_EPOCH = 4
NOISE = np.random.default_rng(0).normal(size=(16, 19)).astype("float32")
X, Y = NOISE[:, :16].reshape(16, 4, 4, 1), NOISE[:, 16:]


def plain_model(**options):
    """Returns two layers with kernels of 18 and 24 weights, the same in each call.

    Args:
        **options: a function of the axes of a kernel that belong to one output, for each argument
            that both layers are to get.
    """
    keras.utils.set_random_seed(0)
    of_convolution, of_head = (
        {key: value(axes) for key, value in options.items()} for axes in ((0, 1, 2), 0)
    )
    return keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            keras.layers.Conv2D(2, 3, name="convolution", activation="tanh", **of_convolution),
            keras.layers.Flatten(),
            keras.layers.Dense(3, name="head", **of_head),
        ]
    )


def compiled(model, learning_rate=0.05, **options):
    model.compile(keras.optimizers.SGD(learning_rate), "mse", **options)
    return model


def sparse_model(name, schedule=SCHEDULE, plain=None, **options):
    """Returns a compiled sparse model; what it learns is spread, to hold zeros and non-zeros."""
    technique = TECHNIQUES[name]
    model = sos.sparsify(plain or plain_model(), technique.rules(schedule))
    spread(model, technique.learned)
    fill_records(model)
    return compiled(model, **options)


def outputs_of(model):
    """Returns what a model makes of the inputs when it is called, as an array."""
    return keras.ops.convert_to_numpy(keras.ops.stop_gradient(model(X)))


def penalty_of(model):
    """Returns the sum of a model's penalties, as a number."""
    total = keras.ops.convert_to_tensor(sum(model.losses, start=0.0))
    return float(keras.ops.convert_to_numpy(keras.ops.stop_gradient(total)))


def fit(model, callbacks=(), epochs=2):
    """Trains for 8 steps and returns the losses of the epochs."""
    options = {"batch_size": 16 // STEPS_PER_EPOCH, "shuffle": False, "verbose": 0}
    return model.fit(X, Y, epochs=epochs, callbacks=list(callbacks), **options).history["loss"]


@functools.cache
def training(name):
    """Returns a model trained in two calls of `fit`, and its traces so far after each epoch."""
    traces, after_epochs = [], []

    def mean_squared_error(y_true, y_pred):
        traces.append(y_pred)
        return keras.ops.mean(keras.ops.square(y_true - y_pred))

    model = sparse_model(name)
    model.compile(keras.optimizers.SGD(0.05), mean_squared_error)
    for _ in range(2):
        count = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: after_epochs.append(len(traces))
        )
        fit(model, [sos.UpdateSparsity(), count])
    return model, after_epochs


def trained_model(name):
    """Returns a trained model, shared by the tests that only look at it."""
    return training(name)[0]


def updated_model(name, schedule=SCHEDULE):
    """Returns a sparse model as it is at step 8."""
    model = sparse_model(name, schedule)
    sos.UpdateSparsity().update(model, 8)
    return model
