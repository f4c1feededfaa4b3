"""Text translated by a trained model."""

import contextlib
import logging
import sys
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from state_of_sparsity.data.text.vocabulary import Vocabulary
from state_of_sparsity.models.beam_search import beam_search, check_settings
from state_of_sparsity.token_ids import END

_SHORTEST = 16


def translate(
    model: keras.Model,
    vocabulary: Vocabulary,
    sentences: Sequence[str],
    beam_size: int = 4,
    length_penalty: float = 0.6,
    extra_length: int = 50,
    batch_tokens: int = 2048,
    maximum_length: int = 256,
    progress: Callable[[int, int], object] | None = None,
) -> list[str]:
    """Returns the translations of sentences, a list of strings in their order.

    Sentences of about one length are translated together, the longest first, in batches of a few
    fixed shapes: the search compiles once for each. A sentence of white space alone stays empty.
    What is too long is cut off, and stderr says how often that was.

    Args:
        model: a model that `transformer` returned, plain or sparse.
        vocabulary: the `Vocabulary` it was trained with.
        sentences: a list of strings.
        beam_size: beams of a sentence, at least 1, which is greedy search; see `beam_search`.
        length_penalty: how much long translations are favoured, at least 0.
        extra_length: how many ids more than its source a translation may have, at least 0.
        batch_tokens: the most source ids of a batch, padding counted, but for one long sentence.
        maximum_length: the most ids of a sentence that are read, its end counted; at least 2.
        progress: None, or a function of `(sentences done, all of them)`, called as it goes.

    Raises:
        ValueError: if an argument is out of range.

    Example:

    >>> from state_of_sparsity.data.text.vocabulary import Vocabulary
    >>> from state_of_sparsity.models.transformer import transformer
    >>> vocabulary = Vocabulary.learn(["A dog sleeps.", "Ein Hund schläft."], 300)
    >>> model = transformer(vocabulary.size, 1, 8, 32, 2)  # to be trained
    >>> translate(model, vocabulary, ["A dog sleeps.", ""], beam_size=1, extra_length=3)
    ['...', '']
    """
    _check_arguments(sentences, batch_tokens, maximum_length)
    search: dict[str, Any] = {"beam_size": beam_size, "length_penalty": length_penalty}
    search["extra_length"] = extra_length
    check_settings(**search)
    ids = _source_ids(vocabulary, sentences, maximum_length)
    translations, searches = [""] * len(sentences), {}
    done, report = len(sentences) - len(ids), progress or (lambda done, total: None)
    report(done, len(sentences))
    for chosen, source in _batches(ids, batch_tokens, maximum_length):
        # One for each: Keras would compile a second shape for any, and the search needs it fixed.
        if source.shape not in searches:
            searches[source.shape] = _Search(model, **search, vocabulary_size=vocabulary.size)
        with _without_advice_on_retracing():
            found, _ = searches[source.shape].predict_on_batch(source)
        for number, row in zip(chosen, found, strict=False):  # there may be rows of padding
            translations[number] = vocabulary.decode(row)
        done += len(chosen)
        report(done, len(sentences))
    return translations


class _Search(keras.Model):
    """Beam search as a model, which Keras compiles under every backend."""

    def __init__(self, model, **settings):
        super().__init__(name="search")
        self._translator = model
        self._settings = settings

    def call(self, source):
        return beam_search(self._translator, source, **self._settings)


@contextlib.contextmanager
def _without_advice_on_retracing():
    """Keeps TensorFlow from advice about the functions that are made here, one for each shape."""

    def is_other(record):
        return "retracing" not in record.getMessage()

    logger = logging.getLogger("tensorflow")
    logger.addFilter(is_other)
    try:
        yield
    finally:
        logger.removeFilter(is_other)


def _check_arguments(sentences, batch_tokens, maximum_length):
    if isinstance(sentences, str):
        raise ValueError(
            f"`sentences` must be a list of strings. Received: the string {sentences!r}. Put it in "
            "a list."
        )
    if maximum_length < 2:
        raise ValueError(
            "`maximum_length` must be at least 2, a token and the end of the sentence. Received: "
            f"{maximum_length}."
        )
    if batch_tokens < 1:
        raise ValueError(f"`batch_tokens` must be at least 1. Received: {batch_tokens}.")


def _source_ids(vocabulary, sentences, maximum_length):
    """Returns the ids of the sentences that have text, cut off where too long, by their number."""
    numbers = [number for number, sentence in enumerate(sentences) if sentence.strip()]
    encoded = vocabulary.encode_all([sentences[number] for number in numbers])
    ids = dict(zip(numbers, encoded, strict=True))
    cut = {
        number: [*tokens[: maximum_length - 1], END]
        for number, tokens in ids.items()
        if len(tokens) > maximum_length
    }
    if cut:
        print(
            f"translate: {len(cut):,} of {len(sentences):,} sentences cut off after "
            f"{maximum_length} ids",
            file=sys.stderr,
            flush=True,
        )
    return ids | cut


def _lengths(maximum_length):
    """Returns the lengths that sources are padded to, each half of the next: few, as each compiles.

    A search takes as many steps as its translations have tokens, however long the padding is.
    """
    lengths = [maximum_length]
    while lengths[0] > _SHORTEST:
        lengths.insert(0, -(-lengths[0] // 2))
    return np.array(lengths)


def _batches(ids, batch_tokens, maximum_length):
    """Yields numbers of sentences and their ids, an int32 array that may have rows of padding."""
    lengths = _lengths(maximum_length)
    waiting = sorted(ids, key=lambda number: -len(ids[number]))  # of equal ones, the first first
    while waiting:
        length = lengths[np.searchsorted(lengths, len(ids[waiting[0]]))]
        rows = min(max(1, batch_tokens // length), len(ids))
        chosen, waiting = waiting[:rows], waiting[rows:]
        source = np.zeros((rows, length), "int32")
        for row, number in enumerate(chosen):
            source[row, : len(ids[number])] = ids[number]
        yield chosen, source
