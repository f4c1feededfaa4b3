"""Beam search against slow, plain searches that compute the whole sentence anew at each step."""

import functools
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from state_of_sparsity.models import beam_search as module
from state_of_sparsity.models.beam_search import beam_search
from state_of_sparsity.models.transformer import transformer
from tests.models import beam_search_in_numpy as plain
from tests.models.small_transformer import SOURCE, VOCABULARY

TINY_VOCABULARY, TINY_LIMIT, WORDS = 6, 4, 4
TINY_SOURCE = np.array([[3, 5, 4, 1], [2, 1, 0, 0], [4, 4, 1, 0]], "int32")
# As many beams as there are sequences, so that none is ever dropped.
EVERY = WORDS**TINY_LIMIT


class Searching(keras.Model):
    """Compiles beam search as Keras does, under every backend."""

    def __init__(self, model, jit_compile=False, **arguments):
        super().__init__()
        self.model, self.arguments = model, arguments
        self.compile(jit_compile=jit_compile)

    def call(self, source):
        return beam_search(self.model, source, **self.arguments)


def with_random_weights(model, seed):
    """Gives a model weights with which translations are of several tokens and of several lengths.

    The same under every backend. Token embeddings are small, lest each token be followed by itself,
    and the last normalization makes up for it.
    """
    generator = np.random.default_rng(seed)
    for weight in model.weights:
        matrix = 0.3 if "embedding" in weight.path else 2
        values = generator.normal(size=weight.shape)
        vector = weight.path.endswith("gamma") + 0.3 * values
        weight.assign(vector if values.ndim == 1 else matrix * values)
    gamma = model.get_layer("decoder_normalization").gamma
    gamma.assign(4 * gamma)


def uncached(model, source, rows, limit):
    """Returns `next_log_probabilities` of one sentence, as the plain searches take it."""

    def next_log_probabilities(sequences):
        here = len(sequences[0])
        target = np.zeros((rows, limit), "int32")
        target[: len(sequences), :here] = sequences
        inputs = {"source": np.tile(source, (rows, 1)), "target": target}
        logits = model.predict_on_batch(inputs)[: len(sequences), here].astype("float64")
        return logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)

    return next_log_probabilities


def without_padding(ids):
    ids = np.asarray(ids).tolist()
    return ids[: ids.index(1) + 1] if 1 in ids else [i for i in ids if i]


def assert_as_expected(found, expected):
    for ids, score, (expected_ids, expected_score) in zip(*found, expected, strict=True):
        assert without_padding(ids) == expected_ids
        assert not ids[len(expected_ids) :].any()
        assert score == pytest.approx(expected_score, abs=1e-4)


@pytest.mark.parametrize("length_penalty", [0, 0.6])
def test_the_best_of_all_sequences(length_penalty):
    model = transformer(
        TINY_VOCABULARY, num_layers=1, hidden_dim=8, intermediate_dim=16, num_heads=2
    )
    found = Searching(
        model, beam_size=EVERY, length_penalty=length_penalty, maximum_length=TINY_LIMIT
    )
    lengths = set()
    for seed in range(5):
        with_random_weights(model, seed)
        expected = [
            plain.exhaustive_search(
                uncached(model, source, WORDS ** (TINY_LIMIT - 1), TINY_LIMIT),
                TINY_VOCABULARY,
                TINY_LIMIT,
                length_penalty,
            )
            for source in TINY_SOURCE
        ]
        assert_as_expected(found.predict_on_batch(TINY_SOURCE), expected)
        lengths |= {len(ids) for ids, _ in expected}
    assert len(lengths) > 1


@pytest.mark.parametrize(
    ("beam_size", "length_penalty"),
    [
        (4, 0.6),
        pytest.param(3, 1.5, marks=pytest.mark.slow),
        pytest.param(1, 0.6, marks=pytest.mark.slow),
    ],
)
def test_a_plain_beam_search_without_caches(beam_size, length_penalty):
    model = transformer(VOCABULARY, num_layers=1, hidden_dim=8, intermediate_dim=16, num_heads=2)
    found = Searching(model, beam_size=beam_size, length_penalty=length_penalty, extra_length=3)
    lengths = set()
    for seed in range(4):
        with_random_weights(model, seed)
        limits = (SOURCE != 0).sum(axis=1) + 3
        expected = [
            plain.beam_search(
                uncached(model, source, beam_size, 9), limit, beam_size, length_penalty
            )
            for source, limit in zip(SOURCE, limits, strict=True)
        ]
        assert_as_expected(found.predict_on_batch(SOURCE), expected)
        lengths |= {len(ids) for ids, _ in expected}
    assert len(lengths) > 1


def small(seed=1, **arguments):
    model = transformer(
        VOCABULARY, num_layers=1, hidden_dim=8, intermediate_dim=16, num_heads=2, **arguments
    )
    with_random_weights(model, seed)
    return model


@pytest.fixture(scope="module")
def searched():
    """The search of `small()`, and what it finds."""
    search = Searching(small(), extra_length=6)
    return search, search.predict_on_batch(SOURCE)


@pytest.mark.slow
def test_compiled_by_xla_and_twice_the_same(searched):
    search, (ids, scores) = searched
    ids_again, scores_again = search.predict_on_batch(SOURCE)
    np.testing.assert_array_equal(ids_again, ids)
    np.testing.assert_array_equal(scores_again, scores)
    xla = Searching(search.model, jit_compile=True, extra_length=6)
    xla_ids, xla_scores = xla.predict_on_batch(SOURCE)
    np.testing.assert_array_equal(xla_ids, ids)
    np.testing.assert_allclose(xla_scores, scores, atol=1e-4)


def test_neither_padding_nor_other_sentences_matter(searched):
    search, (ids, scores) = searched
    others = np.pad(SOURCE[[2, 0]], ((1, 0), (0, 3)))  # the first row only fills the batch
    found, found_scores = Searching(search.model, extra_length=6).predict_on_batch(others)
    np.testing.assert_array_equal(found[1:, : ids.shape[1]], ids[[2, 0]])
    np.testing.assert_allclose(found_scores[1:], scores[[2, 0]], atol=1e-4)
    assert not found[1:, ids.shape[1] :].any()
    assert not found[0].any() and found_scores[0] == 0


def with_logits(logits):
    """Returns a model with the same logits everywhere."""
    model = transformer(VOCABULARY, num_layers=1, hidden_dim=8, intermediate_dim=16, num_heads=2)
    vectors = np.zeros((VOCABULARY, 8))
    vectors[:, 0] = logits
    model.get_layer("shared_embedding").set_weights([vectors])
    model.get_layer("decoder_normalization").set_weights([np.zeros(8), np.ones(8)])
    return model


# The likeliest is token 0, that is padding, then token 1, the end, and so on.
FALLING = np.linspace(3, 0, VOCABULARY)


@pytest.mark.parametrize("beam_size", [1, 4])
def test_padding_is_never_produced_and_what_does_not_end_comes_as_it_is(beam_size):
    search = Searching(with_logits(FALLING), beam_size=beam_size, extra_length=2)
    ids, _ = search.predict_on_batch(SOURCE)
    assert ids.tolist() == [[1] + [0] * 7] * 3
    search.model.set_weights(with_logits(np.roll(FALLING, 2)).get_weights())
    ids, scores = search.predict_on_batch(SOURCE)
    limits = (SOURCE != 0).sum(axis=1) + 2
    assert [without_padding(row) for row in ids] == [[2] * limit for limit in limits]
    log_probability = 3 - np.log(np.exp(FALLING).sum())
    expected = limits * log_probability / ((5 + limits) / 6) ** 0.6
    np.testing.assert_allclose(scores, expected, rtol=1e-5)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_of_equal_words_the_first(jit_compile):
    model = with_logits([0, -5, *[0] * (VOCABULARY - 2)])
    search = Searching(model, jit_compile, beam_size=3, extra_length=0)
    ids, _ = search.predict_on_batch(SOURCE)
    assert [set(without_padding(row)) for row in ids] == [{2}] * 3


@pytest.mark.parametrize(("beam_size", "end"), [(1, [2]), (2, [1])])
def test_the_second_likeliest_token(beam_size, end):
    """The end is: greedy search never takes it, and with a strong penalty the last is the best."""
    model = with_logits([-20, np.log(0.1), np.log(0.9), *[-20] * (VOCABULARY - 3)])
    ids, _ = Searching(
        model, beam_size=beam_size, length_penalty=4, extra_length=2
    ).predict_on_batch(SOURCE)
    limits = (SOURCE != 0).sum(axis=1) + 2
    assert [without_padding(row) for row in ids] == [[2] * (limit - 1) + end for limit in limits]


@pytest.mark.parametrize(("token", "steps"), [(0, 1), (2, 8)])
def test_it_ends_as_soon_as_nothing_can_be_better(token, steps, monkeypatch):
    decode_step, counted = module.decode_step, []
    monkeypatch.setattr(
        module, "decode_step", lambda *given: counted.append(1) or decode_step(*given)
    )
    model = with_logits(np.roll(FALLING, token))
    beam_search(
        model, SOURCE, beam_size=2, length_penalty=0, extra_length=2
    )  # not compiled: each step is a call
    assert len(counted) == steps


def pruned(layer):
    return sos.MagnitudePruning(layer, sos.schedules.ConstantSparsity(0.5, begin_step=0))


def test_sparse_models():
    sparse = sos.sparsify(small(split_heads=True), pruned)
    sos.UpdateSparsity().update(sparse, 0)
    search = functools.partial(Searching, extra_length=6)
    ids, scores = search(sparse).predict_on_batch(SOURCE)
    stripped_ids, stripped_scores = search(sos.strip(sparse)).predict_on_batch(SOURCE)
    np.testing.assert_array_equal(ids, stripped_ids)
    np.testing.assert_allclose(scores, stripped_scores, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"beam_size": 0}, r"`beam_size` must be at least 1\. Received: 0\."),
        ({"length_penalty": -0.1}, r"`length_penalty` must be at least 0\. Received: -0\.1\."),
        (
            {"length_penalty": float("nan")},
            r"`length_penalty` must be at least 0\. Received: nan\.",
        ),
        ({"extra_length": -1}, r"`extra_length` must be at least 0\. Received: -1\."),
        ({"maximum_length": 0}, r"`maximum_length` must be at least 1\. Received: 0\."),
        ({"source": SOURCE[0]}, r"`source` must be .*Received: \(6,\)\. Pad the sentences"),
    ],
)
def test_arguments_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        beam_search(small(), **{"source": SOURCE, **arguments})


UNDER_JAX = """
import sys
sys.modules["tensorflow"] = None
import numpy as np
from tests.models.test_beam_search import SOURCE, Searching, small
np.savez("found.npz", *Searching(small(), extra_length=6).predict_on_batch(SOURCE))
"""


@pytest.mark.slow
def test_under_jax_without_tensorflow(tmp_path, searched):
    variables = {
        "KERAS_BACKEND": "jax",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",  # compiling is most of the work here
        "PYTHONPATH": str(pathlib.Path(__file__).parents[2]),
    }
    command, environment = [sys.executable, "-c", UNDER_JAX], {**os.environ, **variables}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    _, (ids, scores) = searched
    with np.load(tmp_path / "found.npz") as found:
        np.testing.assert_array_equal(found["arr_0"], ids)
        np.testing.assert_allclose(found["arr_1"], scores, atol=1e-4)
