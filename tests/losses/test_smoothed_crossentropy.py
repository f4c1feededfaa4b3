"""`SmoothedCrossentropy` against target vectors in numpy."""

import json

import keras
import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf

from state_of_sparsity.losses.smoothed_crossentropy import SmoothedCrossentropy

RANDOM = np.random.default_rng(0)
LOGITS = RANDOM.normal(scale=3, size=(6, 5)).astype("float32")
LABELS = np.array([0, 4, 2, 2, 1, 3])


def slow_losses(labels, logits, smoothing):
    """Returns the loss of each example from its target vector, in float64."""
    classes = logits.shape[-1]
    targets = (1 - smoothing) * np.eye(classes)[labels] + smoothing / classes
    exponentials = np.exp(logits.astype("float64"))
    logarithms = np.log(exponentials / exponentials.sum(axis=-1, keepdims=True))
    return -(targets * logarithms).sum(axis=-1)


@pytest.mark.parametrize("smoothing", [0, 0.1, 0.5, 0.99])
def test_it_is_the_mean_over_smoothed_target_vectors(smoothing):
    found = SmoothedCrossentropy(smoothing)(LABELS, LOGITS)
    np.testing.assert_allclose(found, slow_losses(LABELS, LOGITS, smoothing).mean(), rtol=1e-6)


def test_every_position_has_a_loss_of_its_own():
    logits = RANDOM.normal(size=(2, 3, 7)).astype("float32")
    labels = np.array([[0, 6, 1], [3, 3, 5]])
    found = SmoothedCrossentropy(0.1, reduction="none")(labels, logits)
    np.testing.assert_allclose(found, slow_losses(labels, logits, 0.1), rtol=1e-5)


def test_labels_may_have_a_last_dimension_of_one():
    loss = SmoothedCrossentropy(0.1)
    np.testing.assert_allclose(loss(LABELS[:, None], LOGITS), loss(LABELS, LOGITS))


def test_examples_are_weighted():
    weights = np.array([1, 0, 2, 0, 0, 3.0])
    found = SmoothedCrossentropy(0.1)(LABELS, LOGITS, sample_weight=weights)
    expected = (weights * slow_losses(LABELS, LOGITS, 0.1)).sum() / 6
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_without_smoothing_it_is_keras_own():
    keras_own = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    assert float(SmoothedCrossentropy(0)(LABELS, LOGITS)) == float(keras_own(LABELS, LOGITS))


def test_great_logits_do_not_overflow():
    logits = np.array([[1e4, 0.0], [-1e4, 1e4]], "float32")
    found = SmoothedCrossentropy(0.1, reduction="none")(np.array([0, 0]), logits)
    np.testing.assert_allclose(found, [0.05 * 1e4, 0.95 * 2e4], rtol=1e-6)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_logits_in_bfloat16_are_computed_in_float32(policy):
    keras.config.set_dtype_policy(policy)
    loss = SmoothedCrossentropy(0.1)
    # Classes that bfloat16 cannot tell apart: it has no integers between 256 and 258.
    logits = RANDOM.normal(size=(4, 300)).astype(ml_dtypes.bfloat16)
    labels = np.array([255, 257, 259, 299])
    expected = slow_losses(labels, logits, 0.1)
    for found in (loss(labels, logits), keras.ops.mean(loss.call(labels, logits))):
        assert keras.backend.standardize_dtype(found.dtype) == "float32"
        np.testing.assert_allclose(found, expected.mean(), rtol=1e-6)


def test_the_gradient_is_the_softmax_minus_the_targets():
    logits = tf.Variable(LOGITS)
    with tf.GradientTape() as tape:
        value = SmoothedCrossentropy(0.2)(LABELS, logits)
    softmax = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
    targets = 0.8 * np.eye(5)[LABELS] + 0.2 / 5
    np.testing.assert_allclose(tape.gradient(value, logits), (softmax - targets) / 6, atol=1e-7)


def test_the_configuration_brings_it_back():
    loss = SmoothedCrossentropy(0.25, reduction="sum", name="smooth")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(loss)))
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is SmoothedCrossentropy
    assert again.get_config() == {"label_smoothing": 0.25, "reduction": "sum", "name": "smooth"}
    assert float(again(LABELS, LOGITS)) == float(loss(LABELS, LOGITS))


@pytest.mark.parametrize("value", [1, -0.1, 2.0, "0.1", None, float("nan")])
def test_smoothing_outside_its_range_is_refused(value):
    with pytest.raises(ValueError, match=r"`label_smoothing` must be a number in \[0, 1\). Rec"):
        SmoothedCrossentropy(value)
