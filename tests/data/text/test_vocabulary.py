import io
import itertools
import re

import numpy as np
import pytest
import sentencepiece

from state_of_sparsity.data.text.vocabulary import LEAST_SIZE, Vocabulary
from state_of_sparsity.token_ids import END
from tests.small_translation import make_pairs

SENTENCES = list(itertools.chain.from_iterable(make_pairs()["train"]))


@pytest.fixture(scope="module")
def vocabulary():
    return Vocabulary.learn(SENTENCES, 330)


@pytest.mark.parametrize(
    "text",
    [
        *SENTENCES[:10],
        "",
        " two  spaces, and at the end ",
        "\ttab",
        "½ … ﬁ \uff26: no normal form",
        "e\u0301 is not \u00e9",
        "no-break\u00a0space, line\u2028separator",
        "😀 日本語, letters never seen",
        "</s> <pad> <unk> <0x41>",
    ],
)
def test_what_is_decoded_is_what_was_encoded(vocabulary, text):
    ids = vocabulary.encode(text)
    assert ids[-1] == END and all(2 < i < vocabulary.size for i in ids[:-1])
    assert vocabulary.decode(ids) == text
    assert vocabulary.decode(np.array(ids[:-1], "int32")) == text


def test_decoding_ends_with_the_sentence_and_skips_padding(vocabulary):
    ids = vocabulary.encode("the house")
    assert vocabulary.decode([*ids, 0, 0]) == "the house"
    assert vocabulary.decode([*ids, *ids]) == "the house"
    assert vocabulary.decode([0, *ids]) == "the house"
    assert vocabulary.decode([]) == vocabulary.decode([END]) == ""


def test_many_texts_are_encoded_as_one_by_one(vocabulary):
    assert vocabulary.encode_all(SENTENCES) == [vocabulary.encode(text) for text in SENTENCES]
    assert vocabulary.encode_all([]) == []


def test_a_larger_vocabulary_needs_fewer_ids(vocabulary):
    smaller = Vocabulary.learn(SENTENCES, 300)
    assert (smaller.size, vocabulary.size) == (300, 330)
    fewer, more = (sum(map(len, v.encode_all(SENTENCES))) for v in (vocabulary, smaller))
    assert fewer < 0.9 * more


def test_the_text_limits_the_size():
    sizes = [Vocabulary.learn(SENTENCES, size).size for size in (1_000, 32_000)]
    assert LEAST_SIZE < sizes[0] == sizes[1] < 1_000


def test_the_same_text_gives_the_same_file(tmp_path, vocabulary):
    paths = [tmp_path / name for name in ("one", "new_folder/other")]
    for path in paths:
        Vocabulary.learn(iter(SENTENCES), 330).save(path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    loaded = Vocabulary.load(paths[1])
    assert loaded.size == vocabulary.size
    assert loaded.encode_all(SENTENCES) == vocabulary.encode_all(SENTENCES)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["one", "other"]


def test_a_size_too_small_for_the_letters():
    with pytest.raises(ValueError, match=r"`vocabulary_size` must be at least (\d+)") as error:
        Vocabulary.learn(SENTENCES, 270)
    least = int(re.search(r"at least (\d+)", str(error.value))[1])
    assert Vocabulary.learn(SENTENCES, least).size == least


@pytest.mark.parametrize("sentences", [[], ["", ""]])
def test_no_text_to_learn_from(sentences):
    with pytest.raises(ValueError, match="`sentences` must have text to learn a vocabulary from"):
        Vocabulary.learn(sentences)


def test_what_reading_raises_is_passed_on():
    def sentences():
        yield from SENTENCES
        raise ValueError("line 7 is not UTF-8")

    with pytest.raises(ValueError, match=r"^line 7 is not UTF-8$"):
        Vocabulary.learn(sentences(), 330)


@pytest.mark.parametrize("ids", [[5, -1], [330], np.array([99_999])])
def test_ids_that_are_not_in_the_vocabulary(vocabulary, ids):
    message = f"`ids` must be from 0 to 329. Received: {ids[-1]}."
    with pytest.raises(ValueError, match=re.escape(message)):
        vocabulary.decode(ids)


def test_a_missing_file(tmp_path):
    message = f"`path` must be a file with a vocabulary. Received: {tmp_path / 'a'} (No such file"
    with pytest.raises(ValueError, match=re.escape(message)):
        Vocabulary.load(tmp_path / "a")


@pytest.mark.parametrize("damage", [lambda x: b"", lambda x: x[:-20], lambda x: b"the house\n" * 9])
def test_a_damaged_file(tmp_path, vocabulary, damage):
    path = tmp_path / "a"
    vocabulary.save(path)
    path.write_bytes(damage(path.read_bytes()))
    message = rf"Received: {path}\. `model` must be an undamaged sentencepiece "
    with pytest.raises(ValueError, match=message):
        Vocabulary.load(path)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": 3},
        {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1, "byte_fallback": False},
    ],
)
def test_a_model_with_other_numbers(tmp_path, settings):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES),
        model_writer=model,
        vocab_size=60 if not settings.get("byte_fallback", False) else 330,
        model_type="bpe",
        minloglevel=2,
        **settings,
    )
    path = tmp_path / "foreign"
    path.write_bytes(model.getvalue())
    with pytest.raises(ValueError, match=rf"Received: {path}\. `model` must number padding 0"):
        Vocabulary.load(path)
