"""Beam search: the translation that a Transformer holds most likely, as far as a few beams see."""

import math
from typing import Any

import keras
from keras import ops

from state_of_sparsity.models.transformer_decoding import decode_step, initial_caches
from state_of_sparsity.token_ids import END, PADDING


def beam_search(
    model: keras.Model,
    source: Any,
    beam_size: int = 4,
    length_penalty: float = 0.6,
    extra_length: int = 50,
    maximum_length: int | None = None,
    vocabulary_size: int | None = None,
) -> tuple[Any, Any]:
    """Returns the best translation of each sentence that beam search finds, and its score.

    A translation y of n ids, its end counted, scores

        score(y) = log p(y | source) / ((5 + n) / 6)^length_penalty

    Each step takes the `2 beam_size` likeliest continuations of a sentence's beams. Those that end
    are compared with the best ended before; the `beam_size` likeliest of the others go on. The
    search ends when none of them can score more, whatever follows, or at the greatest length: the
    source's length plus `extra_length`. If nothing has ended there, the likeliest beam is returned
    as it is. Of equal ones, that of the better beam is taken, then that of the lesser id. With one
    beam only the likeliest token is looked at, which is greedy: it ends where the end is likeliest.

    Padding is never produced. A source of padding alone is a row to fill a batch: it gets padding.
    Compile the function (`tf.function`, `jax.jit`), with XLA or without: all its shapes are fixed.

    Args:
        model: a model that `transformer` returned, plain or sparse.
        source: token ids, `(batch, source positions)`, int32: tokens, the end (1), padding (0).
        beam_size: beams of a sentence, at least 1.
        length_penalty: how much long translations are favoured, at least 0: 0 compares log p.
        extra_length: how many ids more than its source a translation may have, at least 0.
        maximum_length: the most ids of any, at least 1; None for `source positions + extra_length`.
        vocabulary_size: ids there are, where the model has room for more; None for all of it.

    Returns:
        `(ids, scores)`: int32 `(batch, maximum_length)`, 0 after the end, and float32 `(batch,)`.

    Raises:
        ValueError: if an argument is out of range, or a size of `source` is not known.

    Example:

    >>> from state_of_sparsity.models.transformer import transformer
    >>> model = transformer(vocabulary_size=50, num_layers=1, hidden_dim=8, num_heads=2)
    >>> ids, scores = beam_search(model, keras.ops.array([[7, 5, 1, 0]]), maximum_length=10)
    >>> tuple(ids.shape), tuple(scores.shape)
    ((1, 10), (1,))

    Reference: Wu et al. (2016), "Google's Neural Machine Translation System", equation 14, without
    coverage penalty; Tensor2Tensor; Vaswani et al. (2017), section 6.1, for the defaults.
    """
    source = ops.convert_to_tensor(source, "int32")
    _check_shape(source.shape)
    check_settings(beam_size, length_penalty, extra_length, maximum_length)
    length = maximum_length or source.shape[1] + extra_length
    limits = _limits(source, extra_length, length)
    fixed, caches = _caches(model, source, beam_size, length)
    state = _initial_state(source.shape[0], beam_size, length, caches)
    state = _ended(state, model, fixed, limits, length_penalty, vocabulary_size)
    return _best(state, limits, length_penalty)


def check_settings(
    beam_size: int = 4,
    length_penalty: float = 0.6,
    extra_length: int = 50,
    maximum_length: int | None = None,
) -> None:
    """Raises what `beam_search` would of its settings, for those who call it much later.

    Raises:
        ValueError: if one is out of range.
    """
    least = {
        "beam_size": (beam_size, 1),
        "length_penalty": (length_penalty, 0),
        "extra_length": (extra_length, 0),
        "maximum_length": (1 if maximum_length is None else maximum_length, 1),
    }
    for name, (value, bound) in least.items():
        if not bound <= value < math.inf:
            raise ValueError(f"`{name}` must be at least {bound}. Received: {value}.")


def _check_shape(shape):
    if len(shape) != 2 or None in shape:
        raise ValueError(
            "`source` must be `(batch, source positions)`, both fixed: the search compiles for one "
            f"shape. Received: {tuple(shape)}. Pad the sentences to one length."
        )


def _limits(source, extra_length, length):
    tokens = ops.sum(ops.cast(source != PADDING, "int32"), axis=1)
    return ops.where(tokens > 0, ops.minimum(tokens + extra_length, length), 0)


def _caches(model, source, beam_size, length):
    """Returns the caches with a row for each beam: those that stay, and those that steps change.

    What was computed of the source is the same for all beams, and stays out of the loop's state.
    """
    caches = {
        name: _for_each_beam(cache, beam_size)
        for name, cache in initial_caches(model, source, length).items()
    }
    changing = {name: x for name, x in caches.items() if name.endswith("self_attention")}
    return {name: x for name, x in caches.items() if name not in changing}, changing


def _initial_state(batch, beam_size, length, caches):
    """Returns the loop's state before the first token: all beams but one are impossible."""
    log_probabilities = ops.where(ops.arange(beam_size) == 0, 0.0, -math.inf)
    return {
        "step": ops.convert_to_tensor(0, "int32"),
        "last_tokens": ops.zeros((batch, beam_size), "int32"),
        "ids": ops.zeros((batch, beam_size, length), "int32"),
        "log_probabilities": ops.broadcast_to(log_probabilities, (batch, beam_size)),
        "ended_ids": ops.zeros((batch, length), "int32"),
        "ended_scores": ops.full((batch,), -math.inf, "float32"),
        "caches": caches,
    }


def _ended(state, model, fixed, limits, length_penalty, vocabulary_size):
    """Returns the state after the last token: of all sentences, none is running."""

    def step(state):
        ids = ops.reshape(state["last_tokens"], (-1,))
        logits, caches = decode_step(model, ids, state["step"], {**fixed, **state["caches"]})
        changed = {name: caches[name] for name in state["caches"]}
        state = {**state, "caches": changed}
        return _advanced(state, logits[:, :vocabulary_size], limits, length_penalty)

    def running(state):
        return ops.any(_running(state, limits, length_penalty))

    return ops.while_loop(running, step, state)


def _divisor(length, length_penalty):
    return ((5.0 + ops.cast(length, "float32")) / 6.0) ** length_penalty


def _running(state, limits, length_penalty):
    """Returns for each sentence whether a beam may yet score more than the best that ended.

    No log p grows with more tokens, and none is divided by more than the greatest length's penalty.
    """
    attainable = state["log_probabilities"][:, 0] / _divisor(limits, length_penalty)
    return (state["step"] < limits) & (attainable > state["ended_scores"])


def _advanced(state, logits, limits, length_penalty):
    """Returns the state after one more token.

    Args:
        state: the loop's state, with the caches of the step that gave the logits.
        logits: `(batch * beam_size, vocabulary)`.
        limits: the most ids of each sentence's translation, `(batch,)`.
        length_penalty: as for `beam_search`.
    """
    beam_size = state["log_probabilities"].shape[1]
    log_probabilities, parents, tokens = _candidates(state["log_probabilities"], logits, beam_size)
    running = _running(state, limits, length_penalty)

    # All candidates have one length: what of them ended first is the likeliest and scores most.
    ends = tokens == END
    scores = ops.where(ends, log_probabilities, -math.inf)
    scores = scores / _divisor(state["step"] + 1, length_penalty)
    ended = ops.argmax(ops.cast(ends, "int32"), axis=1)[:, None]
    score = ops.take_along_axis(scores, ended, axis=1)[:, 0]
    better = running & (score > state["ended_scores"])
    ended_ids = _written(state, ops.take_along_axis(parents, ended, axis=1), END)[:, 0]

    alive, chosen = ops.top_k(ops.where(ends, -math.inf, log_probabilities), beam_size)
    parents = ops.take_along_axis(parents, chosen, axis=1)
    tokens = ops.take_along_axis(tokens, chosen, axis=1)
    ids = _written(state, parents, tokens[..., None])
    return {
        "step": state["step"] + 1,
        "last_tokens": tokens,
        # A sentence that is done stays as it is, however long the batch's others take.
        "ids": ops.where(running[:, None, None], ids, state["ids"]),
        "log_probabilities": ops.where(running[:, None], alive, state["log_probabilities"]),
        "ended_ids": ops.where(better[:, None], ended_ids, state["ended_ids"]),
        "ended_scores": ops.where(better, score, state["ended_scores"]),
        "caches": _of_parents(state["caches"], parents) if beam_size > 1 else state["caches"],
    }


def _candidates(log_probabilities, logits, beam_size):
    """Returns the likeliest continuations, best first: log p, beam, token, `(batch, 2 beam_size)`.

    There are as many as leave `beam_size` that go on, if all beams end; with one beam there is one.
    """
    vocabulary = logits.shape[-1]
    tokens = ops.log_softmax(ops.cast(logits, "float32"))
    tokens = ops.where(ops.arange(vocabulary) == PADDING, -math.inf, tokens)
    both = log_probabilities[..., None] + ops.reshape(tokens, (-1, beam_size, vocabulary))
    count = 2 * beam_size if beam_size > 1 else 1
    found, places = ops.top_k(ops.reshape(both, (-1, beam_size * vocabulary)), count)
    places = ops.cast(places, "int32")
    return found, places // vocabulary, places % vocabulary


def _written(state, parents, tokens):
    """Returns the ids of beams, `(batch, n, length)`, with tokens at the state's step."""
    ids = ops.take_along_axis(state["ids"], parents[..., None], axis=1)
    return ops.where(ops.arange(ids.shape[-1]) == state["step"], tokens, ids)


def _for_each_beam(cache, beam_size):
    """Returns a cache, a tensor or a pair of them, with each row `beam_size` times in a row."""
    if isinstance(cache, tuple):
        return tuple(_for_each_beam(x, beam_size) for x in cache)
    return ops.repeat(cache, beam_size, axis=0)


def _of_parents(caches, parents):
    """Returns the caches of the beams that were chosen, `parents` being numbers in a sentence."""
    batch, beam_size = parents.shape
    rows = ops.reshape(ops.arange(batch)[:, None] * beam_size + parents, (-1,))
    return {name: tuple(ops.take(x, rows, axis=0) for x in pair) for name, pair in caches.items()}


def _best(state, limits, length_penalty):
    """Returns ids and scores of the best that ended, or of the likeliest beam if nothing did."""
    any_ended = state["ended_scores"] > -math.inf
    ids = ops.where(any_ended[:, None], state["ended_ids"], state["ids"][:, 0])
    going_on = state["log_probabilities"][:, 0] / _divisor(limits, length_penalty)
    return ids, ops.where(any_ended, state["ended_scores"], going_on)
