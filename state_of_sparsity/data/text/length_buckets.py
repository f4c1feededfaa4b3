"""Batches of sentence pairs of about one length, in a few fixed shapes."""

from typing import Any

import numpy as np

INPUTS = ("source", "target")
_SHORTEST = 8


def bucket_lengths(maximum_length):
    """Returns the lengths that batches are padded to: halves of the greatest, and one in between.

    Example:

    >>> bucket_lengths(256)
    [8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256]
    """
    lengths, length = {maximum_length}, maximum_length
    while length >= _SHORTEST:
        lengths |= {length, -(-3 * length // 4)}
        length = -(-length // 2)
    return sorted(x for x in lengths if x >= min(_SHORTEST, maximum_length))


def bucket_examples(length, tokens, batch_size):
    """Returns how many pairs of a length fill a batch, a multiple of `batch_size`."""
    return tokens // length // batch_size * batch_size


class LengthBuckets:
    """Training batches of pairs of about one length.

    A pair goes into the bucket of the least length that holds both its sides. What fills no batch
    there goes on to the next longer bucket, so that an epoch leaves out fewer than `batch_size`
    pairs: of those in the last bucket, others each time if that fills a batch.

    Args:
        pairs: `TokenizedPairs`, no side longer than `maximum_length`.
        tokens: the most ids a side of a batch may have, padding counted.
        maximum_length: the length of the last bucket.

    Attributes:
        batch_size: pairs that the batches of the last bucket have; all others have a multiple.
        batches_per_epoch: the same in every epoch.
        examples: pairs there are.
    """

    def __init__(self, pairs: Any, tokens: int, maximum_length: int) -> None:
        self._pairs, self.examples = pairs, len(pairs)
        self.batch_size = tokens // maximum_length
        self._lengths = bucket_lengths(maximum_length)
        self._examples = [bucket_examples(x, tokens, self.batch_size) for x in self._lengths]
        longest = np.maximum(pairs.source.lengths, pairs.target.lengths)
        self._bucket = np.searchsorted(self._lengths, longest).astype("uint8")
        self.batches_per_epoch = len(self._in_order(np.arange(len(pairs))))

    def epoch(self, generator):
        """Returns the batches of an epoch, `(length, pairs)` each, in an order that is drawn.

        Args:
            generator: a `numpy.random.Generator` of the epoch's own.
        """
        batches = self._in_order(generator.permutation(len(self._pairs)))
        return [batches[i] for i in generator.permutation(len(batches))]

    def arrays(self, batch, worker=0, workers=1):
        """Returns a worker's part of a batch that `epoch` returned, `(inputs, targets)`."""
        length, chosen = batch
        part = len(chosen) // workers
        return padded(self._pairs, chosen[worker * part : (worker + 1) * part], length)

    def _in_order(self, order):
        """Returns the batches of pairs in an order, from the shortest bucket to the longest."""
        bucket, left, batches = self._bucket[order], order[:0], []
        for number, examples in enumerate(self._examples):
            waiting = np.concatenate([order[bucket == number], left])
            whole = len(waiting) // examples * examples
            rows = waiting[:whole].reshape(-1, examples)
            batches += [(self._lengths[number], row) for row in rows]
            left = waiting[whole:]
        return batches


def padded(pairs, chosen, length):
    """Returns pairs as `({"source": ids, "target": ids}, target ids)`.

    Args:
        pairs: `TokenizedPairs`.
        chosen: the numbers of the pairs, an integer array.
        length: how many ids a row has, zeros after those of the sentence.

    Returns:
        int32 arrays `(len(chosen), length)`.
    """
    inputs = {}
    for side in INPUTS:
        ids = np.zeros((len(chosen), length), "int32")
        getattr(pairs, side).write(chosen, ids.reshape(-1), np.arange(len(chosen)) * length)
        inputs[side] = ids
    return inputs, inputs["target"]
