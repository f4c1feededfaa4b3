"""Slow, plain statements of the search for a translation, of one sentence at a time.

Both ask for the log-probabilities of whole sequences, so that nothing is kept between the steps.
Nothing of the package is imported.
"""

import itertools

import numpy as np

PADDING, END = 0, 1


def penalty(length, alpha):
    return ((5 + length) / 6) ** alpha


def beam_search(next_log_probabilities, limit, beam, alpha):
    """Returns `(ids, score)`, as Tensor2Tensor finds them but for its early end: there is none.

    Args:
        next_log_probabilities: function from a list of sequences of one length, each a list of ids,
            to the log p of the token that comes next, `(sequences, vocabulary)`.
        limit: the most ids, the end counted.
        beam: sequences that go on at each step; 1 is greedy search.
        alpha: exponent of the length penalty.
    """
    alive, ended = [([], 0.0)], []
    for length in range(1, limit + 1):
        if not alive:
            break
        rows = next_log_probabilities([ids for ids, _ in alive])
        candidates = [
            ([*ids, token], log_probability + row[token])
            for (ids, log_probability), row in zip(alive, rows, strict=True)
            for token in range(len(row))
            if token != PADDING
        ]
        candidates.sort(key=lambda candidate: -candidate[1])
        candidates = candidates[: 2 * beam if beam > 1 else 1]
        ended += [(i, p / penalty(length, alpha)) for i, p in candidates if i[-1] == END]
        alive = [(ids, p) for ids, p in candidates if ids[-1] != END][:beam]
    if ended:
        return max(ended, key=lambda hypothesis: hypothesis[1])
    ids, log_probability = alive[0]
    return ids, log_probability / penalty(limit, alpha)


def exhaustive_search(next_log_probabilities, vocabulary, limit, alpha):
    """Returns `(ids, score)`, the best of all sequences of at most `limit` ids that end."""
    tokens = [token for token in range(vocabulary) if token not in (PADDING, END)]
    best, log_probabilities = ([], -np.inf), {(): 0.0}
    for length in range(1, limit + 1):
        sequences = list(itertools.product(tokens, repeat=length - 1))
        rows = next_log_probabilities([list(sequence) for sequence in sequences])
        for sequence, row in zip(sequences, rows, strict=True):
            for token in tokens:
                log_probabilities[*sequence, token] = log_probabilities[sequence] + row[token]
            score = (log_probabilities[sequence] + row[END]) / penalty(length, alpha)
            best = max(best, ([*sequence, END], score), key=lambda hypothesis: hypothesis[1])
    return best
