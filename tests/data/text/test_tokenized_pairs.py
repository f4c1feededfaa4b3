import numpy as np
import pytest

from state_of_sparsity.data.text import tokenized_pairs
from state_of_sparsity.data.text.tokenized_pairs import Sequences, ranges
from state_of_sparsity.data.text.vocabulary import Vocabulary
from tests.small_translation import make_pairs

PAIRS = make_pairs()["train"]
LONG = " ".join(["the house sees"] * 20)


@pytest.fixture(scope="module")
def vocabulary():
    return Vocabulary.learn([text for pair in PAIRS for text in pair], 330)


def ids_of(sequences):
    """Returns each sequence as a list."""
    found = []
    for number, length in enumerate(sequences.lengths):
        ids = np.zeros(length, "int32")
        sequences.write(np.array([number]), ids, np.array([0]))
        found.append(ids.tolist())
    return found


def test_ranges():
    assert ranges(np.array([5, 0, 7]), np.array([2, 0, 3])).tolist() == [5, 6, 7, 8, 9]
    assert ranges(np.array([], int), np.array([], int)).tolist() == []


def test_sequences_are_written_where_they_shall_begin():
    sequences = Sequences(np.arange(1, 7, dtype="uint16"), np.array([2, 0, 3, 1]))
    assert len(sequences) == 4 and sequences.lengths.tolist() == [2, 0, 3, 1]
    to, chosen = np.zeros(9, "int32"), np.array([2, 0, 1])
    assert sequences.lengths_of(chosen).tolist() == [3, 2, 0]
    sequences.write(chosen, to, np.array([1, 6, 8]))
    assert to.tolist() == [0, 3, 4, 5, 0, 0, 1, 2, 0]


@pytest.mark.parametrize("at_a_time", [7, 10_000])
def test_pairs_are_the_ids_of_their_sentences(vocabulary, monkeypatch, at_a_time):
    monkeypatch.setattr(tokenized_pairs, "_AT_A_TIME", at_a_time)
    for tokenize in (tokenized_pairs.for_training, tokenized_pairs.for_evaluation):
        pairs = tokenize(iter(PAIRS), vocabulary, 256)
        assert len(pairs) == len(PAIRS) and not any(pairs.changed.values())
        for side, texts in zip(pairs[:2], zip(*PAIRS, strict=True), strict=True):
            assert ids_of(side) == [vocabulary.encode(text) for text in texts]


def test_an_id_takes_two_bytes_and_a_sentence_eight(vocabulary):
    source = tokenized_pairs.for_training(PAIRS, vocabulary, 256).source
    assert source.nbytes == 2 * source.lengths.sum() + 8 * (len(PAIRS) + 1)


def test_what_is_left_out_of_training_is_counted(vocabulary):
    longest = len(vocabulary.encode(PAIRS[0][0]))
    odd = [("", "das"), ("the", ""), ("", ""), (LONG, "das"), ("the", LONG)]
    pairs = tokenized_pairs.for_training([*odd, PAIRS[0]], vocabulary, 100)
    assert pairs.changed == {"left out, a side empty": 3, "left out, too long": 2}
    assert ids_of(pairs.source) == [vocabulary.encode(PAIRS[0][0])]
    assert len(tokenized_pairs.for_training([PAIRS[0]], vocabulary, longest - 1)) == 0
    none = tokenized_pairs.for_training([], vocabulary, 100)
    assert len(none) == len(none.target) == 0


def test_for_evaluation_all_are_kept_and_cut_off(vocabulary):
    pairs = [("", "das"), (LONG, ""), ("the", LONG), PAIRS[0]]
    found = tokenized_pairs.for_evaluation(pairs, vocabulary, 30)
    assert found.changed == {"cut off": 2}
    for side, texts in zip(found[:2], zip(*pairs, strict=True), strict=True):
        for ids, text in zip(ids_of(side), texts, strict=True):
            whole = vocabulary.encode(text)
            assert ids == (whole if len(whole) <= 30 else [*whole[:29], 1])
