"""Layers that are used by something else besides the sparse model: said, with the remedy."""

import gc
import warnings

import keras
import numpy as np
import pytest
from keras import layers

import state_of_sparsity as sos

SEARCHES_FOR_OTHER_MODELS = True  # see conftest.py
HALF = sos.schedules.ConstantSparsity(0.5, begin_step=0, frequency=1)
X = np.random.default_rng(0).normal(size=(8, 6)).astype("float32")


def prune(layer):
    return sos.MagnitudePruning(layer, HALF)


def encoder_and_autoencoder():
    inputs = keras.Input((6,))
    code = layers.Dense(3, name="code")(inputs)
    encoder = keras.Model(inputs, code, name="encoder")
    return encoder, keras.Model(inputs, layers.Dense(6, name="decoded")(code), name="autoencoder")


def quietly(call, *args, **kwargs):
    """Calls a function that must not warn."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return call(*args, **kwargs)


def net():
    return keras.Sequential([keras.Input((6,)), layers.Dense(5, name="a"), layers.Dense(3)])


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.a = layers.Dense(3, name="a")

    def call(self, x):
        return self.a(x)


def test_a_second_sparsify_of_one_model_warns():
    plain = net()
    first = quietly(sos.sparsify, plain, prune)
    with pytest.warns(UserWarning, match=r"made sparse before: \['a', .*copy=True"):
        second = sos.sparsify(plain, prune)
    # What was said: they share their weights.
    assert first.layers[0].layer.kernel is second.layers[0].layer.kernel
    del first, second
    gc.collect()  # the weights of a model that is gone were trained all the same
    with pytest.warns(UserWarning, match="made sparse before"):
        sos.sparsify(plain, prune)


def test_more_layers_of_a_sparse_model_do_not_warn():
    sparse = quietly(sos.sparsify, net(), [("^a$", prune)])
    again = quietly(sos.sparsify, sparse, prune)
    assert len(sos.sparse_layers(again)) == 2


def test_copies_share_nothing():
    plain = net()
    before = plain.layers[0].kernel.numpy()
    for sparsity in (0.5, 0.75):
        schedule = sos.schedules.ConstantSparsity(sparsity, begin_step=0)
        sparse = quietly(
            sos.sparsify, plain, lambda layer, s=schedule: sos.MagnitudePruning(layer, s), copy=True
        )
        np.testing.assert_array_equal(sparse.layers[0].layer.kernel, before)
        sparse.compile("sgd", "mse")
        sparse.fit(X, np.ones((8, 3)), verbose=0, callbacks=[sos.UpdateSparsity()])
        assert np.abs(sparse.layers[0].layer.kernel.numpy() - before).max() > 0
        assert sos.report(sparse).layers[0].sparsity == pytest.approx(sparsity, abs=0.02)
    np.testing.assert_array_equal(plain.layers[0].kernel, before)
    with pytest.raises(ValueError, match="`copy=True` needs a model without sparse layers"):
        sos.sparsify(sparse, prune, copy=True)


def test_another_model_over_the_same_layers():
    encoder, autoencoder = encoder_and_autoencoder()
    with pytest.warns(UserWarning, match=r"\['encoder'\] hold layers of 'autoencoder' that are"):
        sparse = sos.sparsify(autoencoder, prune)
    sos.UpdateSparsity().update(sparse, 0)
    # The remedy of the message: the part is made again of the sparse model.
    remade = keras.Model(sparse.input, sparse.get_layer("code").output)
    kernel = sparse.get_layer("code")
    expected = X @ kernel.evaluation_kernel(kernel.sparse_kernels[0]) + kernel.layer.bias.numpy()
    np.testing.assert_allclose(remade.predict(X, verbose=0), expected, rtol=1e-5, atol=1e-6)
    assert np.abs(encoder.predict(X, verbose=0) - expected).max() > 1e-3


def test_a_model_that_holds_the_sparse_one():
    generator, discriminator = net(), keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    generator.name, discriminator.name = "generator", "discriminator"
    gan = keras.Sequential([keras.Input((6,)), generator, discriminator], name="gan")
    with pytest.warns(UserWarning, match=r"\['gan'\] hold layers of 'generator'"):
        sos.sparsify(generator, prune)
    assert gan is not None


def test_a_part_that_is_trained_by_itself():
    discriminator = keras.Sequential([keras.Input((6,)), layers.Dense(1)], name="discriminator")
    discriminator.compile("sgd", "mse")
    generator = keras.Sequential([keras.Input((4,)), layers.Dense(6)], name="generator")
    gan = keras.Sequential([keras.Input((4,)), generator, discriminator], name="gan")
    with pytest.warns(UserWarning, match=r"^\['discriminator'\] hold layers of 'gan'"):
        sos.sparsify(gan, prune)


def test_a_subclassed_model_over_the_same_layers():
    model = Subclassed()
    model(X)
    other = keras.Sequential([keras.Input((6,)), model.a], name="other")
    with pytest.warns(UserWarning, match=r"\['other'\] hold layers of"):
        sos.sparsify(model, prune)
    assert other is not None


@pytest.mark.parametrize("nested", [False, True])
def test_parts_that_stay_inside_do_not_warn(nested):
    encoder, _ = encoder_and_autoencoder()
    inputs = keras.Input((6,))
    plain = keras.Model(inputs, layers.Dense(6)(encoder(inputs))) if nested else net()
    del _
    gc.collect()
    quietly(sos.sparsify, plain, prune)


def test_the_plain_model_is_not_stripped_in_place_of_the_sparse_one():
    plain = net()
    sparse = sos.sparsify(plain, prune)
    with pytest.raises(ValueError, match=r"`model` must be the sparse model that `sos.sparsify`"):
        sos.strip(plain)
    assert sos.strip(sos.strip(sparse)) is not None
    stripped = sos.strip(sparse, in_place=True)
    assert sos.strip(stripped) is not None
    quietly(sos.sparsify, stripped, prune)


def test_a_model_built_by_adding_layers_and_models_that_are_gone_do_not_warn():
    plain = keras.Sequential([keras.Input((6,))])
    for _ in range(3):
        plain.add(layers.Dense(6))
    keras.Model(plain.inputs, plain.layers[0].output)  # which nobody keeps
    quietly(sos.sparsify, plain, prune)


def test_more_rules_after_freezing_do_not_warn():
    frozen = sos.freeze(sos.sparsify(net(), [("^a$", prune)]))
    again = quietly(sos.sparsify, frozen, prune)
    assert len(sos.sparse_layers(again)) == 2


class TestFrozen:
    """Frozen layers cannot recover what they lose."""

    techniques = pytest.mark.parametrize(
        "technique",
        [
            prune,
            lambda layer: sos.RandomPruning(layer, HALF),
            lambda layer: sos.VariationalDropout(layer, 1e-4),
            lambda layer: sos.L0Regularization(layer, 1e-4),
        ],
    )

    @techniques
    def test_they_are_named(self, technique):
        plain = net()
        plain.layers[0].trainable = False
        with pytest.warns(UserWarning, match=r"Frozen layers are sparse: \['a'\].*\(path, None\)"):
            sos.sparsify(plain, technique)

    @techniques
    def test_a_frozen_model(self, technique):
        model = Subclassed()
        model(X)
        model.trainable = False
        with pytest.warns(UserWarning, match=r"Frozen layers are sparse: \['a'\]"):
            sos.sparsify(model, technique)

    def test_one_kernel_of_several(self):
        inputs = keras.Input((3, 6))
        attention = layers.MultiHeadAttention(2, 3, name="attention")
        plain = keras.Model(inputs, attention(inputs, inputs))
        attention._query_dense.trainable = False
        with pytest.warns(UserWarning, match=r"Frozen layers are sparse: \['attention'\]"):
            sos.sparsify(plain, prune)

    def test_what_is_left_dense_or_has_a_given_mask_is_not(self):
        plain = net()
        plain.layers[0].trainable = False
        quietly(sos.sparsify, plain, [("^a$", None), ("", prune)], copy=True)
        quietly(
            sos.sparsify, plain, [("^a$", lambda layer: sos.FixedMask(layer, np.eye(6)[:, 1:]))]
        )

    def test_one_that_is_frozen_later_is_named_when_it_trains(self):
        sparse = quietly(sos.sparsify, net(), prune)
        sparse.get_layer("a").trainable = False
        sparse.compile("sgd", "mse")
        for _ in range(2):  # once
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                sparse.fit(X, np.ones((8, 3)), verbose=0, callbacks=[sos.UpdateSparsity()])
            said = [w for w in caught if "Frozen layers are sparse: ['a']" in str(w.message)]
            assert len(said) == (_ == 0)
