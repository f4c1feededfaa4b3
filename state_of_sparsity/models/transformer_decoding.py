"""Decoding token by token with a Transformer: what was computed for earlier tokens is kept."""

from typing import Any

import keras
from keras import ops

from state_of_sparsity.models.transformer_stacks import (
    attention_names,
    decoder,
    encoder,
    keys_and_values,
)


def encode(model: keras.Model, source: Any) -> Any:
    """Returns the output of the encoder, `(batch, source positions, hidden)`.

    Args:
        model: a model that `transformer` returned, plain or sparse.
        source: token ids, `(batch, source positions)`, int32; 0 is padding.

    Example:

    >>> from state_of_sparsity.models.transformer import transformer
    >>> model = transformer(vocabulary_size=50, num_layers=1, hidden_dim=8, num_heads=2)
    >>> tuple(encode(model, keras.ops.array([[7, 5, 1, 0]])).shape)
    (1, 4, 8)
    """
    return encoder(_layers(model), source)


def initial_caches(model: keras.Model, source: Any, length: int) -> dict[str, Any]:
    """Returns what `decode_step` needs before the first token.

    Args:
        model: a model that `transformer` returned, plain or sparse.
        source: token ids, `(batch, source positions)`, int32; 0 is padding.
        length: the most tokens that will be decoded.

    Returns:
        A dictionary of tensors and pairs of tensors, each with the batch as its first axis:
        `source_mask`, keys and values of the source for each cross-attention layer, and zeros
        `(batch, length, hidden)` for those of the tokens decoded, for each self-attention layer.

    Example:

    >>> from state_of_sparsity.models.transformer import transformer
    >>> model = transformer(vocabulary_size=50, num_layers=1, hidden_dim=8, num_heads=2)
    >>> list(initial_caches(model, keras.ops.array([[7, 5, 1, 0]]), length=10))
    ['source_mask', 'decoder_1_cross_attention', 'decoder_1_self_attention']
    """
    layers = _layers(model)
    encoded = encoder(layers, source)
    caches = {"source_mask": layers["source_mask"](source)}
    for name in attention_names(layers, "cross_attention"):
        caches[name] = keys_and_values(layers, name, encoded)
    batch, _, hidden = ops.shape(encoded)
    for name in attention_names(layers, "self_attention"):
        empty = ops.zeros((batch, length, hidden), dtype=layers[name].compute_dtype)
        caches[name] = (empty, empty)
    return caches


def decode_step(
    model: keras.Model, ids: Any, step: Any, caches: dict[str, Any]
) -> tuple[Any, dict[str, Any]]:
    """Returns the logits of the tokens at one position, given those before it.

    The same as the model's logits at position `step`, for the work of one position. Every shape is
    the same in all steps, so that the step compiles once.

    Args:
        model: a model that `transformer` returned, plain or sparse.
        ids: the tokens at position `step - 1`, `(batch,)`, int32; 0 at step 0.
        step: the position, from 0 and below the caches' length, an integer or a scalar tensor.
        caches: what `initial_caches` returned, or the step before.

    Returns:
        `(logits, caches)`: logits `(batch, vocabulary_size)`, and the caches of the next step.

    Example:

    >>> from state_of_sparsity.models.transformer import transformer
    >>> model = transformer(vocabulary_size=50, num_layers=1, hidden_dim=8, num_heads=2)
    >>> caches = initial_caches(model, keras.ops.array([[7, 5, 1, 0]]), length=10)
    >>> logits, caches = decode_step(model, keras.ops.array([0]), 0, caches)
    >>> tuple(logits.shape)
    (1, 50)
    """
    layers, caches = _layers(model), dict(caches)
    names = attention_names(layers, "self_attention")
    positions = ops.arange(caches[names[0]][0].shape[1])

    def tokens_so_far(name, inputs):
        new = keys_and_values(layers, name, inputs)
        here = (positions == step)[:, None]
        caches[name] = tuple(
            ops.where(here, x, old) for x, old in zip(new, caches[name], strict=True)
        )
        return caches[name]

    logits = decoder(
        layers,
        ids[:, None],
        self_attended=tokens_so_far,
        self_mask=(positions <= step)[None, None, None],
        cross_attended=lambda name, _: caches[name],
        source_mask=caches["source_mask"],
        first_position=step,
    )
    return logits[:, 0], caches


def _layers(model):
    return {layer.name: layer for layer in model.layers}
