"""Dot-product attention alone: heads, masks, dropout, precision."""

import keras
import numpy as np
from keras import ops

from state_of_sparsity.models import attention as attention_module
from state_of_sparsity.models.attention import DotProductAttention

GENERATOR = np.random.default_rng(0)
QUERIES = GENERATOR.normal(size=(2, 3, 4)).astype("float32")
KEYS, VALUES = GENERATOR.normal(size=(2, 2, 5, 4)).astype("float32")
ALL = np.ones((1, 1, 1, 5), bool)


def test_each_head_reads_by_its_own_channels():
    outputs = np.asarray(DotProductAttention(num_heads=2, dropout=0.5)(QUERIES, KEYS, VALUES, ALL))
    for sentence in range(2):
        for own in (slice(0, 2), slice(2, 4)):
            scores = QUERIES[sentence][:, own] @ KEYS[sentence][:, own].T / np.sqrt(2)
            weights = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
            expected = weights @ VALUES[sentence][:, own]
            np.testing.assert_allclose(outputs[sentence][:, own], expected, atol=1e-6)


def test_what_is_not_allowed_is_not_read():
    attention = DotProductAttention(num_heads=1, dropout=0)
    allowed = np.array([True, False, True, True, False])
    outputs = attention(QUERIES, KEYS, VALUES, allowed[None, None, None])
    expected = attention(QUERIES, KEYS[:, allowed], VALUES[:, allowed], ALL[..., :3])
    np.testing.assert_allclose(outputs, expected, atol=1e-6)
    nothing = attention(QUERIES, KEYS, VALUES, ~ALL)
    means = np.broadcast_to(VALUES.mean(axis=1, keepdims=True), nothing.shape)
    np.testing.assert_allclose(nothing, means, atol=1e-6)


def test_dropout_takes_each_weight_by_itself():
    ones = np.ones((50, 20, 4), "float32")
    allowed = np.eye(20, dtype=bool)[None, None]
    outputs = DotProductAttention(num_heads=2, dropout=0.25)(
        ones, ones, ones, allowed, training=True
    )
    outputs = np.asarray(outputs)
    # One weight of 1 is kept, and then divided by 0.75, or not: the same for a head's channels.
    assert np.isclose(outputs, 0).sum() + np.isclose(outputs, 4 / 3).sum() == outputs.size
    np.testing.assert_array_equal(outputs[..., 0], outputs[..., 1])
    assert (outputs[..., 0] != outputs[..., 2]).any()
    # 2000 draws: four standard deviations are 0.04.
    np.testing.assert_allclose(np.mean(outputs > 0), 0.75, atol=0.04)


def test_softmax_in_float32(monkeypatch):
    seen = []
    softmax = ops.softmax

    def recorded(x, axis):
        seen.append(keras.backend.standardize_dtype(x.dtype))
        return softmax(x, axis=axis)

    monkeypatch.setattr(attention_module.ops, "softmax", recorded)
    attention = DotProductAttention(num_heads=2, dropout=0, dtype="mixed_bfloat16")
    outputs = attention(QUERIES, KEYS, VALUES, ALL)
    assert seen == ["float32"]
    assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"


def test_configuration():
    attention = DotProductAttention(
        num_heads=2, dropout=0.25, name="attention", dtype="mixed_bfloat16"
    )
    again = DotProductAttention.from_config(attention.get_config())
    assert (again.num_heads, again.dropout.rate, again.name) == (2, 0.25, "attention")
    assert again.dropout.compute_dtype == again.compute_dtype == "bfloat16"
