"""Sentence pairs as numbers of subwords, in arrays that millions of them fit into."""

import itertools
import typing
from typing import Any

import numpy as np

from state_of_sparsity.data.text.data_digests import digest
from state_of_sparsity.token_ids import END

_AT_A_TIME = 10_000


class Sequences:
    """Sequences of ids, one after the other in one array.

    Args:
        ids: the ids of all sequences, an integer array.
        lengths: how many of them each sequence has, an integer array.
    """

    def __init__(self, ids: Any, lengths: Any) -> None:
        self._ids = ids
        self._offsets = np.concatenate([[0], np.cumsum(lengths, dtype="int64")])

    def __len__(self):
        return len(self._offsets) - 1

    @property
    def lengths(self):
        """How many ids each sequence has, int64."""
        return np.diff(self._offsets)

    @property
    def nbytes(self):
        """Bytes of memory that the arrays take."""
        return self._ids.nbytes + self._offsets.nbytes

    @property
    def arrays(self):
        """The ids of all sequences, and where each begins and the last ends."""
        return self._ids, self._offsets

    def lengths_of(self, chosen):
        """Returns how many ids the chosen sequences have."""
        return self._offsets[chosen + 1] - self._offsets[chosen]

    def write(self, chosen, to, starts):
        """Writes the chosen sequences into a flat array, each from its start on."""
        lengths = self.lengths_of(chosen)
        to[ranges(starts, lengths)] = self._ids[ranges(self._offsets[chosen], lengths)]


def ranges(starts, lengths):
    """Returns `start, start + 1, ...`, as many as `length`, for each start, one after the other.

    Example:

    >>> ranges(np.array([0, 10]), np.array([2, 3])).tolist()
    [0, 1, 10, 11, 12]
    """
    ends = np.cumsum(lengths)
    total = ends[-1] if len(ends) else 0
    return np.arange(total) + np.repeat(starts - (ends - lengths), lengths)


class TokenizedPairs(typing.NamedTuple):
    """Sentence pairs as ids.

    Attributes:
        source: the `Sequences` to translate.
        target: their translations.
        changed: what was done to fit, `{what: number of pairs}`.
    """

    source: Sequences
    target: Sequences
    changed: dict[str, int]

    def __len__(self):
        return len(self.source)

    def digest(self):
        """Returns hexadecimal digits that are equal for equal pairs in the same order only."""
        return digest(*self.source.arrays, *self.target.arrays)


def for_training(pairs, vocabulary, maximum_length):
    """Tokenizes pairs, but leaves out those with an empty side or a side that is too long.

    Args:
        pairs: an iterable of `(source, target)`, strings.
        vocabulary: the `Vocabulary`.
        maximum_length: the most ids a side may have, the end of the sentence counted.
    """
    changed = {"left out, a side empty": 0, "left out, too long": 0}

    def kept(source, target):
        if min(len(source), len(target)) == 1:  # nothing but the end of the sentence
            changed["left out, a side empty"] += 1
            return None
        if max(len(source), len(target)) > maximum_length:
            changed["left out, too long"] += 1
            return None
        return source, target

    return _collect(pairs, vocabulary, kept, changed)


def for_evaluation(pairs, vocabulary, maximum_length):
    """Tokenizes all pairs, line for line; what is too long is cut off, and ends there.

    Args:
        pairs: an iterable of `(source, target)`, strings.
        vocabulary: the `Vocabulary`.
        maximum_length: the most ids a side may have, the end of the sentence counted.
    """
    changed = {"cut off": 0}

    def cut(ids):
        return ids if len(ids) <= maximum_length else [*ids[: maximum_length - 1], END]

    def kept(source, target):
        changed["cut off"] += max(len(source), len(target)) > maximum_length
        return cut(source), cut(target)

    return _collect(pairs, vocabulary, kept, changed)


def _collect(pairs, vocabulary, kept, changed):
    """Returns what `kept` makes of each pair's ids, as `TokenizedPairs`."""
    dtype = "uint16" if vocabulary.size <= 2**16 else "int32"
    pairs, parts = iter(pairs), ([], [])
    while chunk := list(itertools.islice(pairs, _AT_A_TIME)):
        encoded = [vocabulary.encode_all(list(texts)) for texts in zip(*chunk, strict=True)]
        both = [found for found in map(kept, *encoded) if found is not None]
        for part, sequences in zip(parts, zip(*both, strict=True), strict=False):
            ids = np.fromiter(itertools.chain.from_iterable(sequences), dtype)
            part.append((ids, np.fromiter(map(len, sequences), "int32")))
    return TokenizedPairs(*(_joined(part, dtype) for part in parts), changed)


def _joined(parts, dtype):
    ids = [np.empty(0, dtype), *(ids for ids, _ in parts)]
    lengths = [np.empty(0, "int32"), *(lengths for _, lengths in parts)]
    return Sequences(np.concatenate(ids), np.concatenate(lengths))
