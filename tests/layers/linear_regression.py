"""A regression by one sparse kernel, whose gradients are written down by hand."""

import keras
import numpy as np

import state_of_sparsity as sos

RATE = 0.1
RNG = np.random.default_rng(0)
X = RNG.normal(size=(8, 5)).astype("float32")
Y = RNG.normal(size=(8, 3)).astype("float32")
HALF = sos.schedules.ConstantSparsity(7 / 15, begin_step=0, frequency=1)


def regression(rule, optimizer=None):
    """Returns a compiled model `y = x w` with its layer sparse, and the wrapper."""
    keras.utils.set_random_seed(0)
    layer = keras.layers.Dense(3, use_bias=False, name="dense")
    model = sos.sparsify(keras.Sequential([keras.Input((5,)), layer]), rule)
    model.compile(optimizer or keras.optimizers.SGD(RATE), "mse")
    return model, model.get_layer("dense")


def step(model, number=0):
    """Takes one training step, its update before it, and returns the loss."""
    sos.UpdateSparsity().update(model, number)
    return model.train_on_batch(X, Y)


def stored(wrapper):
    """Returns the stored kernel in double precision."""
    return wrapper.layer.kernel.numpy().astype("float64")


def smallest(values, zeros):
    """Returns a mask without the `zeros` smallest magnitudes."""
    mask = np.ones(values.size, bool)
    mask[np.argsort(np.abs(values).reshape(-1))[:zeros]] = False
    return mask.reshape(values.shape)


def loss_of(kernel):
    """Returns the loss of an effective kernel."""
    return np.mean((X.astype("float64") @ kernel - Y) ** 2)


def gradient_of(kernel):
    """Returns the gradient of the loss by an effective kernel."""
    x = X.astype("float64")
    return 2 * x.T @ (x @ kernel - Y) / Y.size
