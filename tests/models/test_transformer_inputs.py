"""What stands before a Transformer's first layer: masks, positions, scale, shift."""

import keras
import numpy as np
import pytest

from state_of_sparsity.models.attention_mask import AttentionMask
from state_of_sparsity.models.embedding_scale import EmbeddingScale
from state_of_sparsity.models.position_encoding import PositionEncoding
from state_of_sparsity.models.shift_right import ShiftRight

IDS = np.array([[5, 1, 0], [4, 6, 1]], "int32")


def test_padding_is_masked():
    mask = AttentionMask()(IDS)
    np.testing.assert_array_equal(mask, (IDS != 0)[:, None, None, :])


def test_what_comes_later_is_masked():
    mask = AttentionMask(causal=True)(IDS)
    np.testing.assert_array_equal(mask, np.tril(np.ones((3, 3), bool))[None, None])


@pytest.mark.parametrize("causal", [False, True])
def test_symbolic_masks_tell_the_truth(causal):
    layer = AttentionMask(causal=causal)
    symbolic, actual = layer(keras.Input((3,), batch_size=2, dtype="int32")), layer(IDS)
    assert symbolic.shape == tuple(actual.shape)
    assert symbolic.dtype == keras.backend.standardize_dtype(actual.dtype) == "bool"
    assert AttentionMask.from_config(layer.get_config()).causal == causal


def test_positions_are_told_by_sinusoids():
    encoding = np.asarray(PositionEncoding()(np.zeros((1, 300, 6), "float32")))[0]
    positions = np.arange(300)[:, None]
    angles = positions / np.array([1, 100, 10_000])
    np.testing.assert_allclose(encoding, np.hstack([np.sin(angles), np.cos(angles)]), atol=1e-4)


def test_positions_are_added_and_may_begin_later():
    inputs = np.random.default_rng(0).normal(size=(2, 9, 4)).astype("float32")
    outputs = np.asarray(PositionEncoding()(inputs))
    later = PositionEncoding()(inputs[:, 5:], first_position=5)
    np.testing.assert_allclose(later, outputs[:, 5:], atol=1e-6)
    np.testing.assert_allclose((outputs - inputs)[0], (outputs - inputs)[1], atol=1e-6)


def test_late_positions_differ_in_bfloat16():
    inputs = np.zeros((1, 300, 8), "float32")
    mixed = np.asarray(PositionEncoding(dtype="mixed_bfloat16")(inputs)).astype("float32")
    np.testing.assert_allclose(mixed, PositionEncoding()(inputs), atol=2**-8)


def test_vectors_are_scaled_and_padding_is_zero():
    vectors = np.random.default_rng(0).normal(size=(2, 3, 16)).astype("float32")
    outputs = EmbeddingScale()(vectors, IDS)
    np.testing.assert_allclose(outputs, 4 * vectors * (IDS != 0)[..., None], rtol=1e-6)


def test_words_are_shifted_right():
    outputs = ShiftRight()(IDS)
    np.testing.assert_array_equal(outputs, [[0, 5, 1], [0, 4, 6]])
    symbolic = ShiftRight()(keras.Input((3,), dtype="int32"))
    assert (symbolic.shape, symbolic.dtype) == ((None, 3), "int32")


SEGMENTS = np.array([[1, 1, 2, 0], [1, 2, 2, 3]], "int32")
IN_ROWS = np.array([[5, 1, 1, 0], [1, 6, 1, 1]], "int32")


@pytest.mark.parametrize("causal", [False, True])
def test_other_sentences_of_the_row_are_masked(causal):
    queries = None if causal else np.array([[1, 2, 2], [1, 2, 3]], "int32")
    mask = np.asarray(AttentionMask(causal=causal)(IN_ROWS, SEGMENTS, queries))
    for row, query, key in np.ndindex(2, mask.shape[2], 4):
        own = (SEGMENTS if causal else queries)[row, query] == SEGMENTS[row, key]
        allowed = query >= key if causal else IN_ROWS[row, key] != 0
        assert mask[row, 0, query, key] == (own and allowed)
    symbolic = AttentionMask(causal=causal)(
        *(
            None if x is None else keras.Input(x.shape[1:], 2, "int32")
            for x in (IN_ROWS, SEGMENTS, queries)
        )
    )
    assert symbolic.shape == mask.shape


def test_positions_may_be_given():
    inputs = np.zeros((2, 4, 6), "float32")
    positions = np.array([[0, 1, 0, 0], [0, 0, 1, 0]])
    table = np.asarray(PositionEncoding()(inputs))[0]
    np.testing.assert_allclose(
        PositionEncoding()(inputs, positions=positions), table[positions], atol=1e-6
    )


def test_every_sentence_of_a_row_begins_with_padding():
    positions = np.array([[0, 1, 0, 0], [0, 0, 1, 0]])
    outputs = ShiftRight()(IN_ROWS, positions)
    np.testing.assert_array_equal(outputs, [[0, 5, 0, 0], [0, 0, 6, 0]])
