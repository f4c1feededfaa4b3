import keras
import numpy as np
import pytest

from state_of_sparsity.training import batch_statistics


def network():
    """Two normalizations, the second behind dropout and in a model of its own."""
    inner = keras.Sequential(
        [keras.Input((3,)), keras.layers.BatchNormalization(name="second", momentum=0.7)]
    )
    layers = [
        keras.Input((4,)),
        keras.layers.BatchNormalization(name="first"),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(3, use_bias=False, name="dense"),
        inner,
    ]
    return keras.Sequential(layers), inner.layers[-1]


def draw(*shape):
    return np.random.default_rng(1).normal(2, 3, shape).astype("float32")


def test_statistics_are_the_averages_over_batches_of_what_a_batch_has():
    model, second = network()
    first = model.get_layer("first")
    first.gamma.assign([1, 2, 3, 4])
    batches = draw(5, 8, 4)
    kernel = keras.ops.convert_to_numpy(model.get_layer("dense").kernel)
    batch_statistics.recompute(model, iter(batches))
    mean, variance = batches.mean(1), batches.var(1)
    np.testing.assert_allclose(first.moving_mean, mean.mean(0), rtol=1e-5)
    np.testing.assert_allclose(first.moving_variance, variance.mean(0), rtol=1e-5)
    # Dropout is off, and a batch is normalized by its own statistics.
    normalized = (batches - mean[:, None]) / np.sqrt(variance + first.epsilon)[:, None]
    inside = normalized * [1, 2, 3, 4] @ kernel
    np.testing.assert_allclose(second.moving_mean, inside.mean(1).mean(0), atol=1e-5)
    np.testing.assert_allclose(second.moving_variance, inside.var(1).mean(0), rtol=1e-4)


def test_nothing_else_is_changed():
    model, second = network()
    weights = [keras.ops.convert_to_numpy(v) for v in model.trainable_variables]
    batch_statistics.recompute(model, [draw(8, 4)])
    assert (model.get_layer("first").momentum, second.momentum) == (0.99, 0.7)
    for variable, before in zip(model.trainable_variables, weights, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), before)
    after = keras.ops.convert_to_numpy(second.moving_mean)
    model(draw(8, 4) + 1, training=False)  # as it is called ever after
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(second.moving_mean), after)


def test_layers_that_training_leaves_alone_are_left_alone():
    model, second = network()
    second.trainable = False
    assert batch_statistics.normalization_layers(model) == [model.get_layer("first")]
    batch_statistics.recompute(model, [draw(8, 4)])
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(second.moving_mean), 0)
    plain = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    batch_statistics.recompute(plain, [])  # has nothing to recompute


def test_without_a_batch_there_are_no_statistics():
    with pytest.raises(ValueError, match="`batches` must have a batch"):
        batch_statistics.recompute(network()[0], [])
