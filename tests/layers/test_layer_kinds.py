"""Every kind of layer in every technique: one table, and what has to hold in each row.

The oracle is Keras itself: a plain layer of the same configuration with zeros written into its
kernels by hand.
"""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import pytest
from keras import layers

import state_of_sparsity as sos
from tests.slow_variants import slow_but

BATCH = 4
SEQUENCE = (5, 3)


@dataclass(frozen=True)
class Kind:
    """A layer kind: how it is made and called, and which kernels it has."""

    make: Callable
    kernels: dict
    inputs: tuple = ((4,),)
    call: Callable = lambda layer, *inputs: layer(*inputs)


def integers(*shape):
    return ("int32", shape)


def booleans(*shape):
    return ("bool", shape)


def attention(depth, width, heads=2, kv_heads=None):
    kv_heads = kv_heads or heads
    return {
        "query/kernel": (depth, heads, width),
        "key/kernel": (depth, kv_heads, width),
        "value/kernel": (depth, kv_heads, width),
        "attention_output/kernel": (heads, width, depth),
    }


def recurrent(cell, inputs, units, gates, prefix=""):
    return {
        f"{prefix}{cell}/kernel": (inputs, units * gates),
        f"{prefix}{cell}/recurrent_kernel": (units, units * gates),
    }


def two_cells():
    return layers.StackedRNNCells(
        [layers.LSTMCell(2, name="low"), layers.GRUCell(4, name="high")], name="cells"
    )


DENSE = {
    "dense": Kind(lambda: layers.Dense(3, "relu"), {"kernel": (4, 3)}),
    "dense_no_bias": Kind(lambda: layers.Dense(3, use_bias=False), {"kernel": (4, 3)}),
    "dense_rank_3": Kind(lambda: layers.Dense(6), {"kernel": (3, 6)}, (SEQUENCE,)),
    "einsum_dense": Kind(
        lambda: layers.EinsumDense("abc,cd->abd", (None, 6), bias_axes="d"),
        {"kernel": (3, 6)},
        (SEQUENCE,),
    ),
    "einsum_dense_bias_of_rank_2": Kind(
        lambda: layers.EinsumDense("ab,bcd->acd", (2, 3), bias_axes="cd"), {"kernel": (4, 2, 3)}
    ),
    "embedding": Kind(lambda: layers.Embedding(7, 3), {"embeddings": (7, 3)}, (integers(5),)),
    "reversible_embedding": Kind(
        lambda: layers.ReversibleEmbedding(7, 3),
        {"embeddings": (7, 3)},
        (integers(5),),
        lambda layer, ids: layer(layer(ids), reverse=True),
    ),
    "reversible_embedding_untied": Kind(
        lambda: layers.ReversibleEmbedding(7, 3, tie_weights=False),
        {"embeddings": (7, 3), "reverse_embeddings": (3, 7)},
        (integers(5),),
        lambda layer, ids: layer(layer(ids), reverse=True),
    ),
    "spectral_normalization": Kind(
        lambda: layers.SpectralNormalization(layers.Dense(3, name="inner")),
        {"inner/kernel": (4, 3)},
    ),
    "time_distributed_dense": Kind(
        lambda: layers.TimeDistributed(layers.Dense(4, name="inner")),
        {"inner/kernel": (3, 4)},
        (SEQUENCE,),
    ),
}

IMAGE, VOLUME = (6, 6, 2), (4, 4, 4, 2)
CONVOLUTIONS = {
    "conv1d": Kind(
        lambda: layers.Conv1D(4, 3, padding="causal", activation="relu"),
        {"kernel": (3, 3, 4)},
        (SEQUENCE,),
    ),
    "conv2d": Kind(
        lambda: layers.Conv2D(3, (3, 2), strides=2, padding="same"),
        {"kernel": (3, 2, 2, 3)},
        (IMAGE,),
    ),
    "conv2d_dilated": Kind(
        lambda: layers.Conv2D(3, 2, dilation_rate=2), {"kernel": (2, 2, 2, 3)}, (IMAGE,)
    ),
    "conv2d_groups": Kind(
        lambda: layers.Conv2D(4, 3, groups=2), {"kernel": (3, 3, 1, 4)}, (IMAGE,)
    ),
    "conv3d": Kind(lambda: layers.Conv3D(3, 2), {"kernel": (2, 2, 2, 2, 3)}, (VOLUME,)),
    "conv1d_transpose": Kind(
        lambda: layers.Conv1DTranspose(4, 3, strides=2), {"kernel": (3, 4, 3)}, (SEQUENCE,)
    ),
    "conv2d_transpose": Kind(
        lambda: layers.Conv2DTranspose(3, 3, strides=2, padding="same"),
        {"kernel": (3, 3, 3, 2)},
        (IMAGE,),
    ),
    "conv3d_transpose": Kind(
        lambda: layers.Conv3DTranspose(3, 2), {"kernel": (2, 2, 2, 3, 2)}, (VOLUME,)
    ),
    "depthwise_conv1d": Kind(
        lambda: layers.DepthwiseConv1D(3, depth_multiplier=2), {"kernel": (3, 3, 2)}, (SEQUENCE,)
    ),
    "depthwise_conv2d": Kind(
        lambda: layers.DepthwiseConv2D(3, depth_multiplier=2, activation="relu"),
        {"kernel": (3, 3, 2, 2)},
        (IMAGE,),
    ),
    "separable_conv1d": Kind(
        lambda: layers.SeparableConv1D(4, 3),
        {"depthwise_kernel": (3, 3, 1), "pointwise_kernel": (1, 3, 4)},
        (SEQUENCE,),
    ),
    "separable_conv2d": Kind(
        lambda: layers.SeparableConv2D(4, 3, depth_multiplier=2),
        {"depthwise_kernel": (3, 3, 2, 2), "pointwise_kernel": (1, 1, 4, 4)},
        (IMAGE,),
    ),
    "time_distributed_conv2d": Kind(
        lambda: layers.TimeDistributed(layers.Conv2D(3, 2, name="inner")),
        {"inner/kernel": (2, 2, 2, 3)},
        ((2, 6, 6, 2),),
    ),
}

ATTENTION = {
    "attention_query_value": Kind(
        lambda: layers.MultiHeadAttention(2, 3), attention(4, 3), ((5, 4), (6, 4))
    ),
    "attention_self_causal": Kind(
        lambda: layers.MultiHeadAttention(2, 3, use_bias=False, dropout=0.1),
        attention(4, 3),
        ((5, 4),),
        lambda layer, x: layer(x, x, use_causal_mask=True),
    ),
    "attention_query_value_key": Kind(
        lambda: layers.MultiHeadAttention(2, 3),
        attention(4, 3),
        ((5, 4), (6, 4), (6, 4)),
        lambda layer, q, v, k: layer(q, v, key=k, return_attention_scores=True)[0],
    ),
    "attention_mask": Kind(
        lambda: layers.MultiHeadAttention(2, 3),
        attention(4, 3),
        ((5, 4), (6, 4), booleans(5, 6)),
        lambda layer, q, v, mask: layer(q, v, attention_mask=mask),
    ),
    "grouped_query_attention": Kind(
        lambda: layers.GroupQueryAttention(3, num_query_heads=4, num_key_value_heads=2),
        attention(4, 3, heads=4, kv_heads=2),
        ((5, 4), (6, 4)),
    ),
}

RECURRENT = {
    "simple_rnn": Kind(
        lambda: layers.SimpleRNN(4), recurrent("simple_rnn_cell", 3, 4, 1), (SEQUENCE,)
    ),
    "lstm": Kind(lambda: layers.LSTM(4), recurrent("lstm_cell", 3, 4, 4), (SEQUENCE,)),
    "lstm_dropout_unrolled": Kind(
        lambda: layers.LSTM(4, dropout=0.1, recurrent_dropout=0.1, unroll=True),
        recurrent("lstm_cell", 3, 4, 4),
        (SEQUENCE,),
    ),
    "lstm_return_state": Kind(
        lambda: layers.LSTM(4, return_state=True),
        recurrent("lstm_cell", 3, 4, 4),
        (SEQUENCE,),
        lambda layer, x: keras.ops.concatenate(layer(x), axis=-1),
    ),
    "lstm_initial_state": Kind(
        lambda: layers.LSTM(4, return_sequences=True),
        recurrent("lstm_cell", 3, 4, 4),
        (SEQUENCE, (4,), (4,)),
        lambda layer, x, h, c: layer(x, initial_state=[h, c]),
    ),
    "gru": Kind(lambda: layers.GRU(4), recurrent("gru_cell", 3, 4, 3), (SEQUENCE,)),
    "gru_reset_before": Kind(
        lambda: layers.GRU(4, reset_after=False, go_backwards=True),
        recurrent("gru_cell", 3, 4, 3),
        (SEQUENCE,),
    ),
    "bidirectional_lstm": Kind(
        lambda: layers.Bidirectional(layers.LSTM(4, name="inner", return_sequences=True)),
        recurrent("lstm_cell", 3, 4, 4, "forward_inner/")
        | recurrent("lstm_cell", 3, 4, 4, "backward_inner/"),
        (SEQUENCE,),
    ),
    "stacked_rnn_cells": Kind(
        lambda: layers.RNN(two_cells()),
        recurrent("low", 3, 2, 4, "cells/") | recurrent("high", 2, 4, 3, "cells/"),
        (SEQUENCE,),
    ),
    "conv_lstm2d": Kind(
        lambda: layers.ConvLSTM2D(2, 2),
        {
            "conv_lstm_cell/kernel": (2, 2, 2, 8),
            "conv_lstm_cell/recurrent_kernel": (2, 2, 2, 8),
        },
        ((3, 4, 4, 2),),
    ),
}

KINDS = DENSE | CONVOLUTIONS | ATTENTION | RECURRENT
HALF = sos.schedules.ConstantSparsity(0.5, begin_step=0, frequency=1)
TECHNIQUES = {
    "magnitude": lambda layer: sos.MagnitudePruning(layer, HALF),
    "variational": lambda layer: sos.VariationalDropout(layer, kl_weight=1e-3, seed=1),
    "l0": lambda layer: sos.L0Regularization(layer, l0_weight=1e-3, seed=1),
}

# What a technique or a graph could do to others, it does to one of these.
ONE_OF_A_FAMILY = ("dense", "embedding", "conv2d", "attention_self_causal", "lstm")
QUICK = {
    "magnitude": KINDS,
    "variational": ONE_OF_A_FAMILY,
    "l0": ONE_OF_A_FAMILY,
}
every_kind_and_technique = pytest.mark.parametrize(
    ("kind", "technique"),
    [
        pytest.param(kind, t, marks=() if kind in quick else pytest.mark.slow)
        for t, quick in QUICK.items()
        for kind in KINDS
    ],
)


def plain_model(kind):
    inputs = []
    for spec in kind.inputs:
        dtype, shape = spec if isinstance(spec[0], str) else ("float32", spec)
        inputs.append(keras.Input(shape, dtype=dtype))
    layer = kind.make()
    layer.name = "layer"
    model = keras.Model(inputs, kind.call(layer, *inputs))
    rng = np.random.default_rng(2)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(0.0, 0.5, variable.shape))
    return model


def batch_for(model):
    rng = np.random.default_rng(0)
    arrays = []
    for tensor in model.inputs:
        shape = (BATCH, *tensor.shape[1:])
        kind = keras.backend.standardize_dtype(tensor.dtype)
        if kind == "int32":
            arrays.append(rng.integers(0, 7, shape, "int32"))
        elif kind == "bool":
            arrays.append(rng.random(shape) < 0.7)
        else:
            arrays.append(rng.normal(size=shape).astype("float32"))
    return arrays


def state(wrapper, suffix):
    """Reads the wrapper's own variables, in the order of its kernels, by their public names."""
    return [v.numpy() for v in wrapper.weights if v.name.endswith(suffix)]


def spread_state(wrapper):
    """Gives masks and gates random values, so that about half of the weights are dropped."""
    rng = np.random.default_rng(1)
    for variable in wrapper.weights:
        if variable.name.endswith("mask"):
            variable.assign(rng.random(variable.shape) < 0.5)
        elif variable.name.endswith("log_sigma2"):
            variable.assign(rng.normal(0.0, 4.0, variable.shape))
        elif variable.name.endswith("log_alpha"):
            variable.assign(rng.normal(-2.0, 3.0, variable.shape) / wrapper.gate_speed)


def zeros_written_in(technique, wrapper, values):
    """States with numpy what the kernels are at evaluation."""
    if technique == "magnitude":
        return [np.where(m, w, 0) for w, m in zip(values, state(wrapper, "mask"), strict=True)]
    if technique == "variational":
        pairs = zip(values, state(wrapper, "log_sigma2"), strict=True)
        return [np.where(s - np.log(w**2 + 1e-8) < 3.0, w, 0) for w, s in pairs]
    pairs = zip(values, state(wrapper, "log_alpha"), strict=True)
    speed = wrapper.gate_speed
    return [w * np.clip(1.2 / (1 + np.exp(-speed * a)) - 0.1, 0, 1) for w, a in pairs]


def oracle(plain, technique, wrapper):
    """Returns a model of new layers with the weights of `plain`, zeros written in by hand."""
    copy = keras.models.clone_model(plain)
    copy.set_weights(plain.get_weights())
    kernels = {id(k.variable): i for i, k in enumerate(wrapper.sparse_kernels)}
    values = [kernel.variable.numpy() for kernel in wrapper.sparse_kernels]
    sparse_values = zeros_written_in(technique, wrapper, values)
    for old, new in zip(plain.weights, copy.weights, strict=True):
        if id(old) in kernels:
            new.assign(sparse_values[kernels[id(old)]])
    return copy


@every_kind_and_technique
def test_kernels_and_outputs(kind, technique, tmp_path):
    kind = KINDS[kind]
    plain = plain_model(kind)
    batch = batch_for(plain)
    before = plain(batch).numpy()
    sparse = sos.sparsify(plain, TECHNIQUES[technique])

    found = {path: mask.shape for path, mask in sos.masks(sparse).items()}
    assert found == {f"layer/{name}": shape for name, shape in kind.kernels.items()}
    assert sparse.output_shape == plain.output_shape
    if technique == "magnitude":  # variational dropout drops weights near 0 from the start
        np.testing.assert_allclose(sparse(batch).numpy(), before, rtol=1e-6, atol=1e-6)

    (wrapper,) = sos.sparse_layers(sparse).values()
    spread_state(wrapper)
    outputs = sparse(batch).numpy()
    np.testing.assert_allclose(
        outputs, oracle(plain, technique, wrapper)(batch).numpy(), rtol=1e-5, atol=1e-6
    )
    assert np.abs(outputs - before).max() > 1e-3  # the zeros matter
    np.testing.assert_allclose(sos.strip(sparse)(batch).numpy(), outputs, rtol=1e-6, atol=1e-6)

    sparse.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(batch).numpy(), outputs, rtol=1e-6, atol=1e-6)
    masks = sos.masks(loaded)
    assert list(masks) == list(found)
    for path, mask in sos.masks(sparse).items():
        np.testing.assert_array_equal(masks[path], mask)


@every_kind_and_technique
def test_training(kind, technique):
    # A step without tracing is faster, and shows as much.
    check_training(kind, technique, run_eagerly=True)


@pytest.mark.parametrize("kind", slow_but(ONE_OF_A_FAMILY, KINDS))
def test_training_in_a_graph(kind):
    check_training(kind, "magnitude", run_eagerly=False)


def check_training(kind, technique, run_eagerly):
    plain = plain_model(KINDS[kind])
    batch = batch_for(plain)
    targets = np.ones(plain(batch).shape, "float32")
    sparse = sos.sparsify(plain, TECHNIQUES[technique])
    (wrapper,) = sos.sparse_layers(sparse).values()
    start = [v.numpy() for v in sparse.trainable_variables]
    sparse.compile(keras.optimizers.SGD(0.05), "mse", run_eagerly=run_eagerly)
    if technique == "magnitude":
        sparse.fit(batch, targets, batch_size=2, verbose=0, callbacks=[sos.UpdateSparsity()])
    else:
        sparse.train_on_batch(batch, targets)
    for variable, value in zip(sparse.trainable_variables, start, strict=True):
        assert np.isfinite(variable.numpy()).all(), variable.path
        if len(variable.shape) > 1 and "key/bias" not in variable.path:  # softmax ignores it
            assert np.abs(variable.numpy() - value).max() > 0, variable.path
    outputs = oracle(plain, technique, wrapper)(batch).numpy()
    np.testing.assert_allclose(sparse(batch).numpy(), outputs, rtol=1e-5, atol=1e-6)
    if technique == "magnitude":
        for kernel, mask in zip(wrapper.sparse_kernels, state(wrapper, "mask"), strict=True):
            assert np.count_nonzero(~mask) == round(0.5 * mask.size)
            sizes = np.abs(kernel.variable.numpy())
            assert sizes[~mask].max() <= sizes[mask].min()
