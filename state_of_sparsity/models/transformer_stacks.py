"""How the layers of a Transformer are connected: its encoder and its decoder.

`layers` is everywhere a dictionary of the layers by name. They are called with symbolic tensors
when a model is made, and with real ones when the layers of a model decode token by token.
"""

import itertools
from collections.abc import Callable, Mapping
from typing import Any


def encoder(
    layers: Mapping[str, Any], source: Any, segments: Any = None, positions: Any = None
) -> Any:
    """Returns what the encoder makes of sentences, `(batch, source positions, hidden)`.

    Each layer computes `x + dropout(attention(norm(x)))` and then
    `x + dropout(feed_forward(norm(x)))`; the last is followed by a normalization.

    Args:
        layers: `{name: layer}`, as `transformer_layers` returns it.
        source: token ids, `(batch, source positions)`.
        segments: which sentence of its row a token belongs to, where there are several; or None.
        positions: the token's place in that sentence; or None.

    Example:

    >>> from state_of_sparsity.models.transformer_layers import transformer_layers
    >>> layers = transformer_layers(50, 1, 8, 32, 2, 0.1, 0.1, 0.1, split_heads=False)
    >>> tuple(encoder(layers, keras.ops.array([[7, 5, 1, 0]])).shape)
    (1, 4, 8)
    """
    mask = layers["source_mask"](source, segments)

    def sentence_itself(name, inputs):
        return keys_and_values(layers, name, inputs)

    x = _stack_input(layers, "encoder", source, positions=positions)
    for name in _layer_names(layers, "encoder"):
        x = _attention(layers, f"{name}_self_attention", x, sentence_itself, mask)
        x = _feed_forward(layers, f"{name}_feed_forward", x)
    return layers["encoder_normalization"](x)


def decoder(
    layers: Mapping[str, Any],
    ids: Any,
    self_attended: Callable[[str, Any], tuple[Any, Any]],
    self_mask: Any,
    cross_attended: Callable[[str, Any], tuple[Any, Any]],
    source_mask: Any,
    **where: Any,
) -> Any:
    """Returns the logits of the tokens that follow `ids`, `(batch, positions, vocabulary_size)`.

    As the encoder, with attention to its output between the two sub-layers of each layer.

    Args:
        layers: `{name: layer}`, as `transformer_layers` returns it.
        ids: for each position the token before it, `(batch, positions)`.
        self_attended: function `(name, inputs) -> (keys, values)` of a self-attention layer.
        self_mask: where self-attention may look, see `DotProductAttention`.
        cross_attended: the same function of a cross-attention layer.
        source_mask: where cross-attention may look.
        **where: `first_position`, the position in the sentence at which `ids` begin, or `positions`
            of all of them; see `PositionEncoding`.
    """
    x = _stack_input(layers, "decoder", ids, **where)
    for name in _layer_names(layers, "decoder"):
        x = _attention(layers, f"{name}_self_attention", x, self_attended, self_mask)
        x = _attention(layers, f"{name}_cross_attention", x, cross_attended, source_mask)
        x = _feed_forward(layers, f"{name}_feed_forward", x)
    return layers["shared_embedding"](layers["decoder_normalization"](x), reverse=True)


def keys_and_values(layers: Mapping[str, Any], name: str, inputs: Any) -> tuple[Any, Any]:
    """Returns the keys and the values of an attention layer, each `(batch, positions, hidden)`.

    Args:
        layers: `{name: layer}`, as `transformer_layers` returns it.
        name: such as `encoder_1_self_attention`.
        inputs: `(batch, positions, hidden)`.

    Example:

    >>> from state_of_sparsity.models.transformer_layers import transformer_layers
    >>> layers = transformer_layers(50, 1, 8, 32, 2, 0.1, 0.1, 0.1, split_heads=True)
    >>> keys, values = keys_and_values(
    ...     layers, "encoder_1_self_attention", keras.ops.ones((3, 5, 8))
    ... )
    >>> tuple(keys.shape)
    (3, 5, 8)
    """
    return tuple(_projected(layers, f"{name}_{each}", inputs) for each in ("key", "value"))


def attention_names(layers: Mapping[str, Any], kind: str) -> list[str]:
    """Returns the names of the decoder's attention layers of one kind, first layer first.

    Args:
        layers: `{name: layer}`, as `transformer_layers` returns it.
        kind: `"self_attention"` or `"cross_attention"`.

    Example:

    >>> from state_of_sparsity.models.transformer_layers import transformer_layers
    >>> layers = transformer_layers(50, 2, 8, 32, 2, 0.1, 0.1, 0.1, split_heads=False)
    >>> attention_names(layers, "cross_attention")
    ['decoder_1_cross_attention', 'decoder_2_cross_attention']
    """
    return [f"{name}_{kind}" for name in _layer_names(layers, "decoder")]


def _layer_names(layers, stack):
    names = (f"{stack}_{number}" for number in itertools.count(1))
    return list(itertools.takewhile(lambda name: f"{name}_self_attention" in layers, names))


def _stack_input(layers, stack, ids, **where):
    x = layers[f"{stack}_embedding_scale"](layers["shared_embedding"](ids), ids)
    x = layers[f"{stack}_positions"](x, **where)
    return layers[f"{stack}_dropout"](x)


def _attention(layers, name, x, attended, mask):
    """Adds to `x` what it reads from the keys and values that `attended` gives."""
    inputs = layers[f"{name}_normalization"](x)
    queries = _projected(layers, f"{name}_query", inputs)
    outputs = layers[name](queries, *attended(name, inputs), mask)
    return _added(layers, name, x, layers[f"{name}_output"](outputs))


def _feed_forward(layers, name, x):
    hidden = layers[f"{name}_hidden"](layers[f"{name}_normalization"](x))
    hidden = layers[f"{name}_hidden_dropout"](hidden)
    return _added(layers, name, x, layers[f"{name}_output"](hidden))


def _added(layers, name, x, outputs):
    return layers[f"{name}_residual"]([x, layers[f"{name}_dropout"](outputs)])


def _projected(layers, name, inputs):
    """Applies one matrix, or one for each head, if they are layers of their own."""
    if name in layers:
        return layers[name](inputs)
    heads = (f"{name}_head_{number}" for number in itertools.count(1))
    heads = itertools.takewhile(layers.__contains__, heads)
    return layers[f"{name}_heads"]([layers[head](inputs) for head in heads])
