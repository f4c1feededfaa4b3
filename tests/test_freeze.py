"""The ends of sparsity: masks fixed to fine-tune, zeros written in place, wrappers taken off."""

import keras
import numpy as np
import pytest
from keras import layers

import state_of_sparsity as sos
from tests.test_conformance import X, compiled, every_technique, fit, kernels_of, sparse_model


def trained(name):
    model = sparse_model(name)
    fit(model, [sos.UpdateSparsity()])
    return model


@every_technique
def test_freeze_keeps_outputs_and_masks(name):
    model = trained(name)
    outputs, masks = model.predict(X, verbose=0), sos.masks(model)
    frozen = sos.freeze(model)
    assert {type(w) for w in sos.sparse_layers(frozen).values()} == {sos.FixedMask}
    np.testing.assert_allclose(frozen.predict(X, verbose=0), outputs, rtol=1e-5, atol=1e-6)
    # a new optimizer, no callback: the weights that are left learn, the masks stay
    fit(compiled(frozen))
    assert np.abs(frozen.predict(X, verbose=0) - outputs).max() > 1e-4
    for path, mask in sos.masks(frozen).items():
        np.testing.assert_array_equal(mask, masks[path])


@every_technique
def test_a_frozen_model_is_saved_and_stripped(name, tmp_path):
    frozen = sos.freeze(trained(name))
    outputs = frozen.predict(X, verbose=0)
    frozen.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), outputs)
    np.testing.assert_allclose(sos.strip(frozen).predict(X, verbose=0), outputs, rtol=1e-6)


@every_technique
def test_strip_in_place(name):
    model = trained(name)
    outputs, copied = model.predict(X, verbose=0), sos.strip(model)
    variables = {id(w.layer.kernel) for w in sos.sparse_layers(model).values()}
    plain = sos.strip(model, in_place=True)
    assert sos.sparse_layers(plain) == {}
    assert {id(plain.get_layer(n).kernel) for n in ("convolution", "head")} == variables
    np.testing.assert_allclose(plain.predict(X, verbose=0), outputs, rtol=1e-5, atol=1e-6)
    for path, kernel in kernels_of(copied).items():
        np.testing.assert_array_equal(kernels_of(plain)[path], kernel)
    fit(compiled(plain))


@every_technique
def test_write_zeros(name):
    model = trained(name)
    outputs, masks, stripped = model.predict(X, verbose=0), sos.masks(model), sos.strip(model)
    for _ in range(2):  # written twice, nothing changes any more
        sos.write_zeros(model)
        for path, kernel in kernels_of(model).items():
            np.testing.assert_allclose(kernel, kernels_of(stripped)[path], rtol=1e-6)
            np.testing.assert_array_equal(sos.masks(model)[path], masks[path])
        np.testing.assert_allclose(model.predict(X, verbose=0), outputs, rtol=1e-5, atol=1e-6)


def test_the_plain_model_has_the_zeros_then():
    keras.utils.set_random_seed(0)
    plain = keras.Sequential([keras.Input((6,)), layers.Dense(5), layers.Dense(3)])
    schedule = sos.schedules.ConstantSparsity(0.5, begin_step=0)
    sparse = sos.sparsify(plain, lambda layer: sos.MagnitudePruning(layer, schedule))
    sos.UpdateSparsity().update(sparse, 0)
    x = np.random.default_rng(0).normal(size=(4, 6))
    assert np.abs(plain(x) - sparse(x)).max() > 1e-3
    sos.write_zeros(sparse)
    np.testing.assert_allclose(plain(x), sparse(x), rtol=1e-6)
    assert sos.report(plain).sparsity == sos.report(sparse).sparsity


def test_freeze_in_a_subclassed_model_and_of_layers_with_several_kernels():
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.lstm = layers.LSTM(4, name="lstm")
            self.fixed = layers.Dense(3, name="fixed")

        def call(self, x):
            return self.fixed(self.lstm(x))

    model = Net()
    x = np.random.default_rng(0).normal(size=(4, 3, 5)).astype("float32")
    model(x)
    schedule = sos.schedules.ConstantSparsity(0.5, begin_step=0)
    rules = [
        ("fixed", lambda layer: sos.FixedMask(layer, np.eye(4, 3))),
        ("", lambda layer: sos.MagnitudePruning(layer, schedule, kernels="recurrent_kernel")),
    ]
    sos.sparsify(model, rules)
    sos.UpdateSparsity().update(model, 0)
    fixed, outputs, masks = model.fixed, model(x).numpy(), sos.masks(model)
    assert sos.freeze(model) is model
    assert model.fixed is fixed and type(model.lstm) is sos.FixedMask
    assert list(sos.masks(model)) == list(masks)
    np.testing.assert_array_equal(model(x), outputs)


@pytest.mark.parametrize("end", [sos.freeze, sos.write_zeros])
def test_a_model_without_sparse_layers(end):
    with pytest.raises(ValueError, match=r"`model` must have sparse layers for `sos.*none"):
        end(keras.Sequential([keras.Input((6,)), layers.Dense(5)]))
    with pytest.raises(ValueError, match="`model` must be a Keras model"):
        end(layers.Dense(3))


@pytest.mark.parametrize("end", [sos.freeze, lambda model: sos.strip(model, in_place=True)])
@pytest.mark.parametrize("driven", ["callback", "update"])
def test_a_model_changed_in_place_trains_on_without_a_driver(end, driven):
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(3, name="dense", kernel_constraint="unit_norm")

        def call(self, x):
            return self.dense(x)

    model, x = Net(), np.random.default_rng(0).normal(size=(4, 6)).astype("float32")
    model(x)
    schedule = sos.schedules.ConstantSparsity(0.5, begin_step=0, frequency=1)
    sos.sparsify(model, lambda layer: sos.MagnitudePruning(layer, schedule))
    model.compile("sgd", "mse")
    if driven == "callback":
        model.fit(x, np.ones((4, 3)), verbose=0, callbacks=[sos.UpdateSparsity()])
    else:
        sos.UpdateSparsity().update(model, 0)
        model.train_on_batch(x, np.ones((4, 3)))
    mask = sos.masks(model)["dense/kernel"]
    assert end(model) is model
    model.compile("sgd", "mse")
    model.fit(x, np.ones((4, 3)), epochs=3, verbose=0)
    kernel = sos.strip(model).dense.kernel.numpy() if end is sos.freeze else model.dense.kernel
    np.testing.assert_allclose(np.linalg.norm(kernel, axis=0), 1.0, rtol=1e-5)
    assert (np.asarray(kernel) != 0).all() != (end is sos.freeze)
    assert end is not sos.freeze or np.array_equal(sos.masks(model)["dense/kernel"], mask)
