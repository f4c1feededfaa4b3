"""A slow, plain numpy statement of the Transformer at evaluation, for one sentence pair at a time.

Written in float64 from Vaswani et al., "Attention Is All You Need", 2017, with the choices of
Tensor2Tensor: normalization before each sub-layer and after each stack, sines and cosines side by
side, no biases in attention. Nothing of the package is imported.
"""

import math

import numpy as np

PADDING = 0


def logits(weights, heads, source, target):
    """Returns logits `(target positions, vocabulary)`.

    Args:
        weights: `{layer name: list of arrays}`.
        heads: number of attention heads.
        source: list of token ids, padding at the end.
        target: likewise.
    """
    weights = {name: [np.asarray(a, np.float64) for a in w] for name, w in weights.items()}
    tokens = [position for position, token in enumerate(source) if token != PADDING]
    encoded = embedded(weights, source)
    for number in layer_numbers(weights):
        name = f"encoder_{number}_self_attention"
        x = normalized(weights, f"{name}_normalization", encoded)
        encoded = encoded + attention(weights, name, heads, x, x, [tokens] * len(source))
        encoded = encoded + feed_forward(weights, f"encoder_{number}_feed_forward", encoded)
    encoded = normalized(weights, "encoder_normalization", encoded)

    decoded = embedded(weights, [PADDING, *target[:-1]])
    for number in layer_numbers(weights):
        name = f"decoder_{number}_self_attention"
        x = normalized(weights, f"{name}_normalization", decoded)
        before = [range(position + 1) for position in range(len(target))]
        decoded = decoded + attention(weights, name, heads, x, x, before)
        name = f"decoder_{number}_cross_attention"
        x = normalized(weights, f"{name}_normalization", decoded)
        decoded = decoded + attention(weights, name, heads, x, encoded, [tokens] * len(target))
        decoded = decoded + feed_forward(weights, f"decoder_{number}_feed_forward", decoded)
    decoded = normalized(weights, "decoder_normalization", decoded)
    return decoded @ weights["shared_embedding"][0].T


def layer_numbers(weights):
    return [n for n in range(1, 100) if f"encoder_{n}_feed_forward_hidden" in weights]


def embedded(weights, ids):
    """Section 3.4: token embeddings times the root of their length; section 3.5: plus positions."""
    (matrix,) = weights["shared_embedding"]
    hidden = matrix.shape[1]
    rows = []
    for position, token in enumerate(ids):
        vector = math.sqrt(hidden) * matrix[token] if token != PADDING else np.zeros(hidden)
        rows.append(vector + encoding(position, hidden))
    return np.array(rows)


def encoding(position, hidden):
    pairs = hidden // 2
    timescales = [10_000 ** (i / (pairs - 1)) for i in range(pairs)]
    sines = [math.sin(position / timescale) for timescale in timescales]
    return np.array(sines + [math.cos(position / timescale) for timescale in timescales])


def normalized(weights, name, x):
    """Ba, Kiros, Hinton, "Layer Normalization", 2016, equation 4."""
    gamma, beta = weights[name]
    mean, variance = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)
    return gamma * (x - mean) / np.sqrt(variance + 1e-6) + beta


def attention(weights, name, heads, queries_from, attended, allowed):
    """Sections 3.2.1 and 3.2.2; `allowed` lists for each query the positions it may attend to."""
    query, key, value, output = (
        weights[f"{name}_{matrix}"][0] for matrix in ("query", "key", "value", "output")
    )
    size = query.shape[1] // heads
    rows = []
    for position, x in enumerate(queries_from):
        row = []
        for head in range(heads):
            own = slice(head * size, (head + 1) * size)
            exponentials = {
                other: math.exp(
                    (x @ query[:, own]) @ (attended[other] @ key[:, own]) / math.sqrt(size)
                )
                for other in allowed[position]
            }
            total = sum(exponentials.values())
            row.append(
                sum(
                    e / total * (attended[other] @ value[:, own])
                    for other, e in exponentials.items()
                )
            )
        rows.append(np.concatenate(row) @ output)
    return np.array(rows)


def feed_forward(weights, name, x):
    """Section 3.3."""
    x = normalized(weights, f"{name}_normalization", x)
    kernel, bias = weights[f"{name}_hidden"]
    hidden = np.maximum(x @ kernel + bias, 0)
    kernel, bias = weights[f"{name}_output"]
    return hidden @ kernel + bias
