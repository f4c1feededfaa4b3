"""Translating text: what goes in a batch, and what comes out where."""

import numpy as np
import pytest
import tensorflow as tf

from state_of_sparsity.data.text.vocabulary import Vocabulary
from state_of_sparsity.models.beam_search import beam_search
from state_of_sparsity.models.transformer import transformer
from state_of_sparsity.training.translation import translate as module
from state_of_sparsity.training.translation.translate import translate

WORDS = ["a", "small", "house", "by", "the", "old", "mill"]
LENGTHS = (3, 7, 1, 6, 2, 5, 4, 3)
SENTENCES = [" ".join(WORDS[:length]) for length in LENGTHS]


@pytest.fixture(scope="module")
def vocabulary():
    return Vocabulary.learn([" ".join(WORDS), " ".join(WORDS[::-1])], 300)


@pytest.fixture
def model(vocabulary):
    """A model whose tokens are not all about as likely, and depend on the source."""
    # A model has room for more tokens than the vocabulary of a small text has.
    model = transformer(
        3 * vocabulary.size, num_layers=1, hidden_dim=8, intermediate_dim=16, num_heads=2
    )
    generator = np.random.default_rng(0)
    for weight in model.weights:
        if len(weight.shape) == 2:
            scale = 0.3 if "embedding" in weight.path else 2
            weight.assign(scale * generator.normal(size=weight.shape))
    gamma = model.get_layer("decoder_normalization").gamma
    gamma.assign(4 * gamma)
    return model


def of_one_search(model, vocabulary, sentences, length, **arguments):
    """Translates all sentences in one batch, in their order."""
    source = np.zeros((len(sentences), length), "int32")
    for row, sentence in enumerate(sentences):
        ids = vocabulary.encode(sentence)
        source[row, : len(ids)] = ids
    ids, _ = tf.function(
        lambda: beam_search(model, source, vocabulary_size=vocabulary.size, **arguments)
    )()
    return [vocabulary.decode(row) for row in ids.numpy()]


def test_translations_are_in_their_place_and_progress_is_told(model, vocabulary):
    search, told = {"beam_size": 3, "extra_length": 3}, []
    expected = of_one_search(model, vocabulary, SENTENCES, 16, **search)
    assert len(set(expected)) > 3
    found = translate(
        model,
        vocabulary,
        ["", *SENTENCES, " \t"],
        batch_tokens=48,
        maximum_length=16,
        progress=lambda *numbers: told.append(numbers),
        **search,
    )
    assert found == ["", *expected, ""]
    assert told[0] == (2, 10) and told[-1] == (10, 10)
    assert len(told) > 2 and told == sorted(told)


def test_nothing_to_translate(model, vocabulary):
    assert translate(model, vocabulary, []) == []
    assert translate(model, vocabulary, ["", " "]) == ["", ""]


def test_what_is_too_long_is_cut_off_and_said(model, vocabulary, capsys):
    search = {"beam_size": 1, "extra_length": 3, "batch_tokens": 48, "maximum_length": 8}
    # Bytes of letters that the text does not have: an id each, after one for the token's beginning.
    long, cut = "XXXXXXXXXX", "XXXXXX"
    assert len(vocabulary.encode(cut)) == 8
    first, second = translate(model, vocabulary, [long, cut], **search)
    assert first == second
    said = capsys.readouterr().err
    assert said == "translate: 1 of 2 sentences cut off after 8 ids\n"


@pytest.mark.parametrize("count", [1, 40, 300])
def test_batches_have_few_shapes_and_every_sentence_once(count):
    generator = np.random.default_rng(0)
    ids = {3 * n: [n + 2] * generator.integers(1, 48) + [1] for n in range(count)}
    shapes, seen = [], []
    for chosen, source in module._batches(ids, 100, 48):
        assert source.size <= 100 and source.dtype == "int32"
        shapes.append(source.shape)
        seen += chosen
        for number, row in zip(chosen, source, strict=False):
            tokens = ids[number]
            assert row.tolist() == tokens + [0] * (len(row) - len(tokens))
        assert not source[len(chosen) :].any()
    assert sorted(seen) == sorted(ids)
    assert {length for _, length in shapes} <= {12, 24, 48}
    assert len(set(shapes)) == len({length for _, length in shapes})
    lengths = [len(ids[number]) for number in seen]
    assert lengths == sorted(lengths, reverse=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sentences": "a house"}, "`sentences` must be a list of strings.*'a house'. Put it in"),
        ({"maximum_length": 1}, r"`maximum_length` must be at least 2.*Received: 1\."),
        ({"batch_tokens": 0}, r"`batch_tokens` must be at least 1\. Received: 0\."),
        ({"beam_size": 0}, r"`beam_size` must be at least 1\. Received: 0\."),
    ],
)
def test_arguments_out_of_range(model, vocabulary, arguments, message):
    with pytest.raises(ValueError, match="^" + message):
        translate(model, vocabulary, **{"sentences": ["a house"], **arguments})
