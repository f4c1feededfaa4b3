"""Decoding token by token gives the logits of the whole sentence at once."""

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import state_of_sparsity as sos
from state_of_sparsity.models.transformer_decoding import decode_step, encode, initial_caches
from tests.models.small_transformer import SENTENCES, SOURCE, TARGET, small_transformer

LENGTH = 6  # longer than the sentences: what is not yet decoded must not be seen
PREVIOUS = np.pad(TARGET[:, :-1], ((0, 0), (1, 0)))


def pruned():
    schedule = sos.schedules.ConstantSparsity(0.5, begin_step=0)
    model = sos.sparsify(small_transformer(), lambda layer: sos.MagnitudePruning(layer, schedule))
    sos.UpdateSparsity().update(model, 0)
    return model


MODELS = {
    "two layers": lambda: small_transformer(num_layers=2),
    "heads as layers": lambda: small_transformer(split_heads=True),
    "sparse": pruned,
    "stripped": lambda: sos.strip(pruned()),
}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_steps_give_the_logits_of_the_whole(make):
    model = make()
    expected = np.asarray(model(SENTENCES))
    caches = initial_caches(model, SOURCE, LENGTH)
    for step in range(TARGET.shape[1]):
        logits, caches = decode_step(model, PREVIOUS[:, step], step, caches)
        np.testing.assert_allclose(logits, expected[:, step], atol=1e-5)


def test_a_step_compiles_once_for_all():
    model = small_transformer()
    expected = np.asarray(model(SENTENCES))
    traces = []

    @tf.function(jit_compile=True)
    def compiled(ids, step, caches):
        traces.append(1)
        return decode_step(model, ids, step, caches)

    caches = initial_caches(model, SOURCE, LENGTH)
    for step in range(TARGET.shape[1]):
        ids = tf.constant(PREVIOUS[:, step])
        logits, caches = compiled(ids, tf.constant(step), caches)
        np.testing.assert_allclose(logits, expected[:, step], atol=1e-5)
    assert len(traces) == 1


def test_caches_of_chosen_sentences():
    """As beam search does: sentences go on from others' tokens."""
    model, rows = small_transformer(), [2, 0, 0]
    caches = initial_caches(model, SOURCE, LENGTH)
    for step in range(2):
        _, caches = decode_step(model, PREVIOUS[:, step], step, caches)
    chosen = {
        name: tuple(ops.take(x, rows, axis=0) for x in value)
        if isinstance(value, tuple)
        else ops.take(value, rows, axis=0)
        for name, value in caches.items()
    }
    logits, _ = decode_step(model, PREVIOUS[rows, 2], 2, chosen)
    np.testing.assert_allclose(logits, np.asarray(model(SENTENCES))[rows, 2], atol=1e-5)


def test_the_encoder_alone():
    model = small_transformer(num_layers=2)
    encoded = np.asarray(encode(model, SOURCE))
    assert encoded.shape == (3, 6, 8)
    shorter = np.asarray(encode(model, SOURCE[:1, :5]))
    np.testing.assert_allclose(shorter[0], encoded[0, :5], atol=1e-5)
    layer = model.get_layer("encoder_normalization")
    gamma, beta = layer.get_weights()
    unscaled = (encoded - beta) / gamma
    np.testing.assert_allclose(unscaled.mean(axis=2), 0, atol=1e-5)
    np.testing.assert_allclose(unscaled.std(axis=2), 1, atol=1e-3)
