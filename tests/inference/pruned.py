"""Models whose weights are random and in part zero, and whether a runner computes what they do."""

import keras
import numpy as np


def prune(model, sparsity=0.5, seed=0):
    """Gives a model random weights, of which a fraction of each kernel is zero; returns it."""
    random = np.random.default_rng(seed)
    for variable in model.variables:
        values = random.normal(0, 0.5, variable.shape)
        if variable.name == "moving_variance":
            values = np.abs(values) + 0.5
        if "kernel" in variable.name:
            values *= random.random(variable.shape) >= sparsity
        if variable.dtype == "float32":
            variable.assign(values.astype("float32"))
    return model


def check_runs_alike(model, runner, batch=3):
    """Asserts that a runner's outputs are the model's, twice, as buffers are used again."""
    for seed in (0, 1):
        random = np.random.default_rng(seed)
        inputs = [
            random.normal(size=(batch, *tensor.shape[1:])).astype("float32")
            for tensor in model.inputs
        ]
        inputs = inputs if len(inputs) > 1 else inputs[0]
        expected, found = (
            keras.tree.flatten(model(inputs, training=False)),
            keras.tree.flatten(runner(inputs)),
        )
        for one, other in zip(expected, found, strict=True):
            one = keras.ops.convert_to_numpy(one)
            assert one.std() > 1e-3 * np.abs(one).max() > 0  # there is something to compare
            np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-4 * np.abs(one).max())


def kinds(runner):
    """Returns the names of the classes of a runner's steps."""
    return [type(step).__name__ for step in runner._steps]
