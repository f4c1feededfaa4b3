"""Activations of maps, within a layer, after normalization, and where others read their inputs."""

import math

import keras
import numpy as np
import pytest
from keras import layers

pytest.importorskip("numba", reason="the extra `inference` brings it")

from state_of_sparsity.inference import compile
from tests.inference.pruned import check_runs_alike, kinds, prune


@pytest.mark.parametrize("name", ["gelu", "silu", "tanh", "leaky_relu"])
def test_activations(name):
    inputs = keras.Input((7, 9, 3))
    x = layers.Conv2D(6, 3, padding="same", activation=name)(inputs)
    normal = layers.BatchNormalization()(layers.Conv2D(5, 3, padding="same")(x))
    x = layers.Conv2D(4, 3, padding="same")(layers.Activation(name)(normal))
    shared = layers.BatchNormalization()(x)
    outputs = [layers.Conv2D(2, 3)(layers.Activation(name)(shared)), shared]
    model = prune(keras.Model(inputs, outputs))
    runner = compile(model, threads=1, measure=False)
    check_runs_alike(model, runner)
    assert "KerasCalls" not in kinds(runner) and kinds(runner).count("Activation") == 3


def test_an_activation_that_does_not_keep_zeros_is_left_to_keras():
    model = keras.Sequential(
        [keras.Input((6, 6, 2)), layers.Conv2D(3, 2), layers.Activation("sigmoid")]
    )
    runner = compile(prune(model), threads=1, measure=False)
    check_runs_alike(model, runner)
    assert kinds(runner).count("KerasCalls") == 1


@pytest.mark.parametrize(
    ("name", "exact"),
    [
        ("gelu", lambda x: x * 0.5 * math.erfc(-x / math.sqrt(2))),
        ("silu", lambda x: x / (1 + math.exp(-x))),
    ],
)
def test_they_are_right_from_far_below_zero_to_far_above(name, exact):
    model = keras.Sequential([keras.Input((1,)), layers.Dense(1, name, use_bias=False)])
    model.set_weights([np.ones((1, 1))])
    x = np.concatenate([np.linspace(-90, 90, 4001), [0.0, -1e-4, 1e-4]]).astype("float32")
    found = compile(model, threads=1, measure=False)(x[:, None])[:, 0]
    expected = np.array([exact(float(each)) for each in x])
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=5e-7)
    assert found[np.flatnonzero(x == 0)].tolist() == [0.0] * np.count_nonzero(x == 0)
