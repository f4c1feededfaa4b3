"""The ends of sparsity: masks fixed to fine-tune, zeros written in place, wrappers taken off."""

import keras
import numpy as np
import pytest
from keras import layers

import state_of_sparsity as sos
from tests.conformance import OF_EACH_KIND, TECHNIQUES, compiled, fit, outputs_of, sparse_model
from tests.slow_variants import slow_but
from tests.technique import LAYERS, kernels_of


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", slow_but([*OF_EACH_KIND, "set"], TECHNIQUES))
def test_every_end_keeps_outputs_and_masks(name, tmp_path):
    model = sparse_model(name, run_eagerly=True)
    fit(model, [sos.UpdateSparsity()])
    outputs, masks, copied = outputs_of(model), sos.masks(model), kernels_of(sos.strip(model))
    for _ in range(2):  # written twice, nothing changes any more
        sos.write_zeros(model)
        close(outputs_of(model), outputs)
        for path, wrapper in ((f"{name}/kernel", model.get_layer(name)) for name in LAYERS):
            stored = wrapper.weight_array(wrapper.sparse_kernels[0])
            np.testing.assert_allclose(stored, copied[path], rtol=1e-6)
            np.testing.assert_array_equal(sos.masks(model)[path], masks[path])

    variables = {id(wrapper.layer.kernel) for wrapper in sos.sparse_layers(model).values()}
    plain = sos.strip(model, in_place=True)
    assert sos.sparse_layers(plain) == {}
    assert {id(plain.get_layer(layer).kernel) for layer in LAYERS} == variables
    close(outputs_of(plain), outputs)

    frozen = sos.freeze(model)
    assert {type(wrapper) for wrapper in sos.sparse_layers(frozen).values()} == {sos.FixedMask}
    close(outputs_of(frozen), outputs)
    frozen.save(tmp_path / "model.keras")
    close(outputs_of(keras.saving.load_model(tmp_path / "model.keras")), outputs)
    # A new optimizer and no callback: the weights that are left learn, the masks stay.
    fit(compiled(frozen, run_eagerly=True), epochs=1)
    assert np.abs(outputs_of(frozen) - outputs).max() > 1e-4
    for path, mask in sos.masks(frozen).items():
        np.testing.assert_array_equal(mask, masks[path])


@pytest.mark.parametrize("name", ["magnitude", "l0"])
def test_freeze_and_strip_in_place_of_what_was_only_trained(name):
    for end in (sos.freeze, lambda model: sos.strip(model, in_place=True)):
        model = sparse_model(name)
        sos.UpdateSparsity().update(model, 8)
        outputs = outputs_of(model)
        close(outputs_of(end(model)), outputs)


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
