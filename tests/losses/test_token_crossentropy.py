"""`TokenCrossentropy` and `TokenAccuracy` against plain loops over the tokens."""

import json

import keras
import numpy as np
import pytest

from state_of_sparsity.losses.token_accuracy import TokenAccuracy
from state_of_sparsity.losses.token_crossentropy import TokenCrossentropy
from tests.losses.test_smoothed_crossentropy import slow_losses

RANDOM = np.random.default_rng(0)
IDS = np.array([[4, 2, 1, 0, 0], [3, 1, 0, 0, 0], [2, 2, 3, 4, 1]])
LOGITS = RANDOM.normal(scale=3, size=(3, 5, 6)).astype("float32")
LOGITS[0, 0, 4] = LOGITS[1, 1, 1] = LOGITS[1, 4, 0] = 50  # two tokens right, and a padding


def tokens(weights=(1, 1, 1)):
    """Returns `(weight, loss, right)` of each token."""
    losses = slow_losses(IDS, LOGITS, 0.1)
    places = [(i, t) for i in range(3) for t in range(5) if IDS[i, t] != 0]
    return [(weights[i], losses[i, t], LOGITS[i, t].argmax() == IDS[i, t]) for i, t in places]


@pytest.mark.parametrize("weights", [None, np.array([1, 0, 2.5])])
def test_the_mean_is_over_words(weights):
    found = TokenCrossentropy(0.1)(IDS, LOGITS, sample_weight=weights)
    loop = tokens() if weights is None else tokens(weights)
    expected = sum(w * loss for w, loss, _ in loop) / sum(w for w, _, _ in loop)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    metric = TokenAccuracy()
    metric.update_state(IDS, LOGITS, sample_weight=weights)
    expected = sum(w * right for w, _, right in loop) / sum(w for w, _, _ in loop)
    np.testing.assert_allclose(metric.result(), expected, rtol=1e-6)
    assert 0.1 < expected < 0.9


def test_more_padding_changes_nothing():
    longer = np.pad(IDS, ((0, 2), (0, 3)))
    logits = RANDOM.normal(size=(5, 8, 6)).astype("float32")
    logits[:3, :5] = LOGITS
    expected = float(TokenCrossentropy(0.1)(IDS, LOGITS))
    np.testing.assert_allclose(TokenCrossentropy(0.1)(longer, logits), expected, rtol=1e-6)


def test_a_batch_without_words_costs_nothing():
    assert float(TokenCrossentropy(0.1)(np.zeros_like(IDS), LOGITS)) == 0


def test_keras_trains_on_it_and_counts_words_over_batches():
    model = keras.Sequential([keras.layers.Dense(6)])
    model.compile("sgd", TokenCrossentropy(0.1), metrics=[TokenAccuracy()])
    x = RANDOM.normal(size=(3, 5, 2)).astype("float32")
    losses = model.fit(x, IDS, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    found = model.evaluate(x, IDS, batch_size=2, return_dict=True, verbose=0)
    right = model.predict(x, verbose=0).argmax(-1) == IDS
    assert found["token_accuracy"] == pytest.approx(right[IDS != 0].mean())


@pytest.mark.parametrize("kind", [TokenCrossentropy, TokenAccuracy])
def test_the_configuration_brings_it_back(kind):
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(kind(name="other"))))
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is kind and again.name == "other"
