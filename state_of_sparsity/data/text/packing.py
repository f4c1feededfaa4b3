"""Batches of rows of one length, each with several sentence pairs one after the other."""

from typing import Any

import numpy as np

from state_of_sparsity.data.text.tokenized_pairs import ranges

_SIDES = ("source", "target")
INPUTS = tuple(f"{side}{kind}" for side in _SIDES for kind in ("", "_segments", "_positions"))
_OPEN_ROWS = 10


class PackedRows:
    """Training batches of packed rows, all of one shape.

    Pairs are packed once, in an order drawn from the seed, and epochs order the rows anew. An epoch
    leaves out the rows that fill no batch, others each time.

    Args:
        pairs: `TokenizedPairs`, no side longer than `length`.
        tokens: the most ids a side of a batch may have, padding counted.
        length: ids in a row.
        generator: a `numpy.random.Generator` that draws the order of packing.

    Attributes:
        batch_size: rows in a batch.
        batches_per_epoch: the same in every epoch.
        examples: pairs there are.
    """

    def __init__(self, pairs: Any, tokens: int, length: int, generator: Any) -> None:
        self._pairs, self._length, self.examples = pairs, length, len(pairs)
        self.batch_size = tokens // length
        self._order, self._offsets = pack(pairs, generator.permutation(len(pairs)), length)
        self.batches_per_epoch = (len(self._offsets) - 1) // self.batch_size

    def epoch(self, generator):
        """Returns the batches of an epoch, the numbers of their rows, in an order that is drawn.

        Args:
            generator: a `numpy.random.Generator` of the epoch's own.
        """
        order = generator.permutation(len(self._offsets) - 1)
        whole = self.batches_per_epoch * self.batch_size
        return order[:whole].reshape(-1, self.batch_size)

    def arrays(self, batch, worker=0, workers=1):
        """Returns a worker's part of a batch that `epoch` returned, `(inputs, targets)`."""
        part = self.batch_size // workers
        rows = batch[worker * part : (worker + 1) * part]
        counts = self._offsets[rows + 1] - self._offsets[rows]
        chosen = self._order[ranges(self._offsets[rows], counts)]
        return packed(self._pairs, chosen, counts, self._length)


def pack(pairs, order, length):
    """Puts each pair into the first of ten open rows that has room for both its sides.

    Where none has, the oldest row is closed and a new one begun.

    Args:
        pairs: `TokenizedPairs`.
        order: the numbers of the pairs in the order they are packed in.
        length: ids in a row.

    Returns:
        The numbers of the pairs row by row, int32, and where each row begins among them, with the
        end of the last one, int64.
    """
    sizes = (side.lengths_of(order).tolist() for side in (pairs.source, pairs.target))
    rows, opened = [], []  # opened: room for the source, room for the target, pairs
    for pair, source, target in zip(order.tolist(), *sizes, strict=True):
        for row in opened:
            if source <= row[0] and target <= row[1]:
                break
        else:
            if len(opened) == _OPEN_ROWS:
                opened.pop(0)
            row = [length, length, []]
            opened.append(row)
            rows.append(row[2])
        row[0] -= source
        row[1] -= target
        row[2].append(pair)
    counts = np.fromiter(map(len, rows), "int64", len(rows))
    in_rows = np.fromiter((pair for row in rows for pair in row), "int32", len(order))
    return in_rows, np.concatenate([[0], np.cumsum(counts)])


def packed(pairs, chosen, counts, length):
    """Returns rows of several pairs as `(inputs, targets)`.

    The inputs are `source` and `target`, ids; `source_segments` and `target_segments`, the number
    of the pair within its row, from 1 on, and 0 for padding; `source_positions` and
    `target_positions`, the place of an id within its own sentence, from 0 on. The targets are the
    `target` ids.

    Args:
        pairs: `TokenizedPairs`.
        chosen: the numbers of the pairs, row after row, an integer array.
        counts: how many pairs each row has, an integer array.
        length: ids in a row.

    Returns:
        int32 arrays `(len(counts), length)`.
    """
    row = np.repeat(np.arange(len(counts)), counts)
    segment = ranges(np.ones_like(counts), counts)
    first = np.repeat(np.cumsum(counts) - counts, counts)
    inputs = {}
    for side in _SIDES:
        sequences = getattr(pairs, side)
        lengths = sequences.lengths_of(chosen)
        before = np.cumsum(lengths) - lengths
        starts = row * length + before - before[first]
        ids, segments, positions = np.zeros((3, len(counts), length), "int32")
        sequences.write(chosen, ids.reshape(-1), starts)
        segments.reshape(-1)[ranges(starts, lengths)] = np.repeat(segment, lengths)
        positions.reshape(-1)[ranges(starts, lengths)] = ranges(np.zeros_like(lengths), lengths)
        inputs |= {side: ids, f"{side}_segments": segments, f"{side}_positions": positions}
    return inputs, inputs["target"]


def one_a_row(pairs, chosen, length):
    """Returns the chosen pairs as `packed` does, each in a row of its own."""
    return packed(pairs, chosen, np.ones_like(chosen), length)
