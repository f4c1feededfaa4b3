"""Sparse models spread over devices, on JAX with several; not collected: `test_jax.py` runs it."""

import jax
import keras
import numpy as np
import pytest

import state_of_sparsity as sos

HALF = sos.schedules.ConstantSparsity(0.5, begin_step=0)
MESH = keras.distribution.DeviceMesh((2, 2), ("batch", "model"))
RULES = {
    "magnitude": lambda layer: sos.MagnitudePruning(layer, HALF),
    "global": sos.distributions.global_magnitude(HALF),
    "random": lambda layer: sos.RandomPruning(layer, HALF),
    "fixed": lambda layer: sos.FixedMask(layer, np.eye(*layer.kernel.shape)),
    "variational dropout": lambda layer: sos.VariationalDropout(layer, 1e-3, seed=1),
    "l0": lambda layer: sos.L0Regularization(layer, 1e-3, seed=1),
    "l0, units": lambda layer: sos.L0Regularization(layer, 1e-3, group="unit", seed=1),
}
X = np.random.default_rng(0).normal(size=(8, 6)).astype("float32")
Y = np.random.default_rng(1).normal(size=(8, 4)).astype("float32")


def part(name):
    inputs = keras.Input((6,))
    hidden = keras.layers.Dense(8, name="dense", activation="tanh")(inputs)
    return keras.Model(inputs, keras.layers.Dense(6, name="out")(hidden), name=name)


def spread(rule, key):
    """Returns a nested sparse model, its kernels spread over devices by a key of a `LayoutMap`."""
    keras.utils.set_random_seed(0)
    layouts = keras.distribution.LayoutMap(MESH)
    if key is not None:
        layouts[key] = (None, "model")
    distribution = keras.distribution.ModelParallel(layout_map=layouts, batch_dim_name="batch")
    with distribution.scope():
        inputs = keras.Input((6,))
        outputs = keras.layers.Dense(4, name="head")(part("b")(part("a")(inputs)))
        return sos.sparsify(keras.Model(inputs, outputs), rule), distribution


def trained(rule, key):
    """Returns such a model after two steps, and their losses."""
    model, distribution = spread(rule, key)
    with distribution.scope():
        model.compile(keras.optimizers.SGD(0.05), "mse")
        fitted = model.fit(X, Y, epochs=2, verbose=0, callbacks=[sos.UpdateSparsity()])
    return model, fitted.history["loss"]


def check_spread(model):
    """Checks that masks and the like are spread as kernels are, those of `dense` by columns."""
    for path, wrapper in sos.sparse_layers(model).items():
        ((kernel, state),) = zip(wrapper.sparse_kernels, wrapper.kernel_state.values(), strict=True)
        expected = (None, "model") if path.endswith("dense") else (None, None)
        assert axes_of(kernel.variable) == expected
        own = tuple(a if n > 1 else None for a, n in zip(expected, state.shape, strict=True))
        assert axes_of(state) == own


def axes_of(variable):
    """Returns along which axis of the mesh each axis of an array is spread."""
    spec = tuple(variable.value.sharding.spec)
    return spec + (None,) * (len(variable.shape) - len(spec))


def test_there_are_several_devices():
    assert keras.backend.backend() == "jax" and jax.device_count() == 4


# The key of a kernel, as users write it: to its end, or beyond.
@pytest.mark.parametrize("key", [".*dense.*kernel", ".*dense/kernel.*"])
@pytest.mark.parametrize("name", RULES)
def test_what_is_beside_a_kernel_is_spread_as_it_is(name, key):
    check_spread(spread(RULES[name], key)[0])


@pytest.mark.parametrize("name", ["global", "variational dropout"])
def test_training_is_the_same_and_leaves_it_so(name):
    model, losses = trained(RULES[name], ".*dense.*kernel")
    check_spread(model)
    whole, expected = trained(RULES[name], None)
    np.testing.assert_allclose(losses, expected, rtol=1e-4)
    for path, mask in sos.masks(model).items():
        np.testing.assert_array_equal(mask, sos.masks(whole)[path])


def test_the_outputs_of_a_layer_on_sequences_are_laid_out_as_asked():
    layouts = keras.distribution.LayoutMap(MESH)
    layouts[".*dense/output"] = ("batch", None, "model")
    distribution = keras.distribution.ModelParallel(layout_map=layouts, batch_dim_name="batch")
    with distribution.scope():
        model = keras.Sequential([keras.Input((3, 6)), keras.layers.Dense(4, name="dense")])
        sparse = sos.sparsify(model, RULES["variational dropout"])
        sparse.compile("sgd", "mse")
        sequences = np.repeat(X[:, None], 3, axis=1)
        sparse.fit(sequences, np.repeat(Y[:, None], 3, axis=1), verbose=0)
        assert sparse.predict(sequences, verbose=0).shape == (8, 3, 4)
