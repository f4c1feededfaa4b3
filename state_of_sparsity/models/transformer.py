"""The Transformer for translation: base, big, or of any size.

Token embeddings times `hidden_dim^0.5`, plus sinusoids of the position, go through layers of
self-attention and feed-forward (the encoder), or of self-attention to the tokens before, attention
to the encoder's output, and feed-forward (the decoder). Each of these sub-layers computes
`x + dropout(f(norm(x)))`, and a normalization ends each stack. One matrix embeds the tokens of both
languages and is the softmax's too. The study's library also adds a vector of the target language to
the encoder's input; this model does not.

Weights are in layers `shared_embedding`; `encoder_<n>_self_attention_<query|key|value|output>`, the
same of `decoder_<n>_self_attention` and `decoder_<n>_cross_attention`, without biases; and
`<encoder|decoder>_<n>_feed_forward_<hidden|output>`, with biases. With `split_heads` there are
`..._<query|key|value>_head_<h>` in place of `..._<query|key|value>`.
"""

import functools
from typing import Any

import keras

from state_of_sparsity.arguments import check_flag, check_integer, check_number
from state_of_sparsity.models.transformer_layers import transformer_layers
from state_of_sparsity.models.transformer_stacks import decoder, encoder, keys_and_values

_MOST_LAYERS = 1_000  # more would take for ever to make
_PACKED = ("", "_segments", "_positions")


def transformer(
    vocabulary_size: int,
    num_layers: int = 6,
    hidden_dim: int = 512,
    intermediate_dim: int = 2048,
    num_heads: int = 8,
    prepostprocess_dropout: float = 0.1,
    attention_dropout: float = 0.1,
    relu_dropout: float = 0.1,
    split_heads: bool = False,
    packed: bool = False,
    name: str = "transformer",
) -> keras.Model:
    """Returns an encoder-decoder Transformer as the study of 2019 made it sparse.

    It takes `{"source": ids, "target": ids}`, int32, each `(batch, positions)`: tokens, the end of
    the sentence (id 1), and padding (id 0) after it. Logits at position t come from the source and
    the target's tokens before t. They mean nothing where the target is padding: no weight there.

    With `packed` a row may have several pairs, one after the other. The inputs then also have
    `source_segments` and `target_segments`, the number of a token's pair within its row, from 1 (0
    for padding), and `source_positions` and `target_positions`, its place in its sentence, from 0.

    Args:
        vocabulary_size: number of tokens, padding and end of sentence included.
        num_layers: layers of the encoder, and of the decoder.
        hidden_dim: length of a position's vector; even, and a multiple of `num_heads`.
        intermediate_dim: units of a feed-forward sub-layer.
        num_heads: attention heads.
        prepostprocess_dropout: fraction dropped of each stack's input and sub-layer's output.
        attention_dropout: of the attention weights.
        relu_dropout: of the units of feed-forward sub-layers.
        split_heads: whether each head's query, key and value matrix is a layer of its own.
        packed: whether rows may have several sentence pairs.
        name: name of the model.

    Returns:
        A built `keras.Model`; its outputs are float32 `(batch, positions, vocabulary_size)`.

    Raises:
        ValueError: if a size is below 1 or does not fit the others, or a dropout is not in [0, 1).

    Example:

    >>> model = transformer(vocabulary_size=50, num_layers=1, hidden_dim=8, num_heads=2)
    >>> ids = keras.ops.array([[7, 5, 1, 0]])
    >>> tuple(model({"source": ids, "target": ids}).shape)
    (1, 4, 50)

    Reference: Vaswani et al. (2017), "Attention Is All You Need", section 3, with normalization
    before each sub-layer as in Tensor2Tensor; Gale, Elsen, Hooker (2019), "The State of Sparsity in
    Deep Neural Networks", section 4.
    """
    sizes = {"num_layers": num_layers, "hidden_dim": hidden_dim}
    sizes |= {"intermediate_dim": intermediate_dim, "num_heads": num_heads}
    dropouts: dict[str, Any] = {"prepostprocess_dropout": prepostprocess_dropout}
    dropouts |= {"attention_dropout": attention_dropout, "relu_dropout": relu_dropout}
    _check_arguments(vocabulary_size, sizes, dropouts, split_heads=split_heads, packed=packed)
    made = transformer_layers(vocabulary_size, **sizes, **dropouts, split_heads=split_heads)
    return _connected_packed(made, name) if packed else _connected(made, name)


def transformer_base(
    vocabulary_size: int,
    prepostprocess_dropout: float = 0.1,
    attention_dropout: float = 0.1,
    relu_dropout: float = 0.1,
    split_heads: bool = False,
    packed: bool = False,
) -> keras.Model:
    """Returns `transformer` of 6 layers, 512 wide, with feed-forward of 2048 units and 8 heads.

    With the study's vocabulary of 33,288 tokens there are 61,083,648 weights in its 97 kernels.

    Reference: Vaswani et al. (2017), table 3, "base".
    """
    return transformer(
        vocabulary_size,
        prepostprocess_dropout=prepostprocess_dropout,
        attention_dropout=attention_dropout,
        relu_dropout=relu_dropout,
        split_heads=split_heads,
        packed=packed,
        name="transformer_base",
    )


def transformer_big(
    vocabulary_size: int,
    prepostprocess_dropout: float = 0.3,
    attention_dropout: float = 0.1,
    relu_dropout: float = 0.1,
    split_heads: bool = False,
    packed: bool = False,
) -> keras.Model:
    """Returns `transformer` of 6 layers, 1024 wide, with feed-forward of 4096 units and 16 heads.

    Reference: Vaswani et al. (2017), table 3, "big"; dropout as in Tensor2Tensor.
    """
    return transformer(
        vocabulary_size,
        hidden_dim=1024,
        intermediate_dim=4096,
        num_heads=16,
        prepostprocess_dropout=prepostprocess_dropout,
        attention_dropout=attention_dropout,
        relu_dropout=relu_dropout,
        split_heads=split_heads,
        packed=packed,
        name="transformer_big",
    )


def _connected(layers, name):
    source = keras.Input((None,), dtype="int32", name="source")
    target = keras.Input((None,), dtype="int32", name="target")
    encoded = encoder(layers, source)
    logits = decoder(
        layers,
        layers["target_shift"](target),
        self_attended=functools.partial(keys_and_values, layers),
        self_mask=layers["target_mask"](target),
        cross_attended=lambda attention, _: keys_and_values(layers, attention, encoded),
        source_mask=layers["source_mask"](source),
    )
    return keras.Model({"source": source, "target": target}, logits, name=name)


def _connected_packed(layers, name):
    names = [f"{side}{kind}" for side in ("source", "target") for kind in _PACKED]
    inputs = {each: keras.Input((None,), dtype="int32", name=each) for each in names}
    source, source_segments, source_positions, *of_target = inputs.values()
    target, target_segments, target_positions = of_target
    encoded = encoder(layers, source, source_segments, source_positions)
    logits = decoder(
        layers,
        layers["target_shift"](target, target_positions),
        self_attended=functools.partial(keys_and_values, layers),
        self_mask=layers["target_mask"](target, target_segments),
        cross_attended=lambda attention, _: keys_and_values(layers, attention, encoded),
        source_mask=layers["source_mask"](source, source_segments, target_segments),
        positions=target_positions,
    )
    return keras.Model(inputs, logits, name=name)


def _check_arguments(vocabulary_size, sizes, dropouts, **flags):
    check_integer("vocabulary_size", vocabulary_size, 3)  # padding, end of sentence, and tokens
    check_integer("num_layers", sizes["num_layers"], 1, _MOST_LAYERS)
    for name, size in sizes.items():
        check_integer(name, size, 1)
    hidden_dim, num_heads = sizes["hidden_dim"], sizes["num_heads"]
    if hidden_dim % num_heads or hidden_dim % 2:
        raise ValueError(
            f"`hidden_dim` must be even and a multiple of `num_heads`, {num_heads}: each head gets "
            "an equal part, and positions are told by pairs of sine and cosine. Received: "
            f"{hidden_dim}."
        )
    for name, rate in dropouts.items():
        check_number(name, rate, least=0, below=1)
    for name, value in flags.items():
        check_flag(name, value)
