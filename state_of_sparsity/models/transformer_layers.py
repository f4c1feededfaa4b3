"""The layers that a Transformer is made of, by their names."""

import keras

from state_of_sparsity.models.attention import DotProductAttention
from state_of_sparsity.models.attention_mask import AttentionMask
from state_of_sparsity.models.embedding_scale import EmbeddingScale
from state_of_sparsity.models.position_encoding import PositionEncoding
from state_of_sparsity.models.shift_right import ShiftRight

ATTENTIONS = {"encoder": ("self_attention",), "decoder": ("self_attention", "cross_attention")}


def transformer_layers(
    vocabulary_size: int,
    num_layers: int,
    hidden_dim: int,
    intermediate_dim: int,
    num_heads: int,
    prepostprocess_dropout: float,
    attention_dropout: float,
    relu_dropout: float,
    split_heads: bool,
) -> dict[str, keras.layers.Layer]:
    """Returns the layers of a Transformer, not built and not connected; arguments as for it.

    Returns:
        `{name: layer}`.

    Example:

    >>> layers = transformer_layers(50, 1, 8, 32, 2, 0.1, 0.1, 0.1, split_heads=False)
    >>> [name for name in layers if name.startswith("encoder_1_feed_forward")][:2]
    ['encoder_1_feed_forward_normalization', 'encoder_1_feed_forward_dropout']
    """
    made = [
        _shared_embedding(vocabulary_size, hidden_dim),
        ShiftRight(name="target_shift"),
        AttentionMask(name="source_mask"),
        AttentionMask(causal=True, name="target_mask"),
    ]
    for stack, attentions in ATTENTIONS.items():
        made += [
            EmbeddingScale(name=f"{stack}_embedding_scale"),
            PositionEncoding(name=f"{stack}_positions"),
            keras.layers.Dropout(prepostprocess_dropout, name=f"{stack}_dropout"),
            _normalization(f"{stack}_normalization"),
        ]
        for number in range(1, num_layers + 1):
            for attention in attentions:
                name = f"{stack}_{number}_{attention}"
                made += _around(name, prepostprocess_dropout)
                made += _attention(name, hidden_dim, num_heads, attention_dropout, split_heads)
            name = f"{stack}_{number}_feed_forward"
            made += _around(name, prepostprocess_dropout)
            made += _feed_forward(name, hidden_dim, intermediate_dim, relu_dropout)
    return {layer.name: layer for layer in made}


def _shared_embedding(vocabulary_size, hidden_dim):
    """Returns the matrix of token embeddings, which called with `reverse=True` is the softmax's."""
    return keras.layers.ReversibleEmbedding(
        vocabulary_size,
        hidden_dim,
        embeddings_initializer=keras.initializers.RandomNormal(stddev=hidden_dim**-0.5),
        dtype="float32",  # bfloat16 holds three digits: too few for a softmax
        name="shared_embedding",
    )


def _around(name, dropout):
    """Returns what stands before and after every sub-layer."""
    return [
        _normalization(f"{name}_normalization"),
        keras.layers.Dropout(dropout, name=f"{name}_dropout"),
        keras.layers.Add(name=f"{name}_residual"),
    ]


def _normalization(name):
    return keras.layers.LayerNormalization(epsilon=1e-6, name=name)


def _attention(name, hidden_dim, num_heads, dropout, split_heads):
    made = [
        DotProductAttention(num_heads, dropout, name=name),
        keras.layers.Dense(hidden_dim, use_bias=False, name=f"{name}_output"),
    ]
    for projection in ("query", "key", "value"):
        if not split_heads:
            made.append(keras.layers.Dense(hidden_dim, use_bias=False, name=f"{name}_{projection}"))
            continue
        for head in range(1, num_heads + 1):
            head_name = f"{name}_{projection}_head_{head}"
            made.append(keras.layers.Dense(hidden_dim // num_heads, use_bias=False, name=head_name))
        made.append(keras.layers.Concatenate(name=f"{name}_{projection}_heads"))
    return made


def _feed_forward(name, hidden_dim, intermediate_dim, dropout):
    return [
        keras.layers.Dense(intermediate_dim, activation="relu", name=f"{name}_hidden"),
        keras.layers.Dropout(dropout, name=f"{name}_hidden_dropout"),
        keras.layers.Dense(hidden_dim, name=f"{name}_output"),
    ]
