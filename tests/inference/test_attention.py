"""Attention is read through where it is plain, and computed by Keras where it is not."""

import keras
import numpy as np
import pytest
from keras import layers

pytest.importorskip("numba", reason="the extra `inference` brings it")

from state_of_sparsity.inference import compile
from state_of_sparsity.inference.attention import opened
from state_of_sparsity.inference.calls import Value, flat_calls
from state_of_sparsity.inference.exponential import exponentials
from state_of_sparsity.inference.reading import read
from state_of_sparsity.inference.runner import Runner
from tests.inference.pruned import check_runs_alike, kinds, prune


def attention(**settings):
    return layers.MultiHeadAttention(2, 4, **settings)


@pytest.mark.parametrize(
    ("make", "is_opened"),
    [
        (lambda x, y: attention()(x, x), True),
        (lambda x, y: attention(use_bias=False, dropout=0.3)(x, y), True),
        (lambda x, y: attention()(x, value=y, key=y + 1), True),
        (lambda x, y: attention()(query=x, key=y, value=y * 2), True),
        (lambda x, y: attention()(x, x, use_causal_mask=True), True),
        (lambda x, y: attention()(x, x, use_causal_mask=0), True),
        (lambda x, y: attention()(x, x, use_causal_mask=np.True_), True),
        (lambda x, y: layers.MultiHeadAttention(1, 8)(x, y), True),
        (lambda x, y: layers.MultiHeadAttention(1, 1)(x, x, use_causal_mask=True), True),
        (lambda x, y: attention(dropout=0.3)(x, x, use_causal_mask=True, training=False), True),
        (lambda x, y: attention(attention_axes=(1,), output_shape=3)(x, y), True),
        (lambda x, y: attention()(x, x, training=True), False),
        (lambda x, y: attention(value_dim=3, dropout=0.1)(x, y), False),
        (lambda x, y: attention(use_gate=True)(x, y), False),
        (lambda x, y: attention(sliding_window=2)(x, x), False),
        (lambda x, y: attention()(x, y, return_attention_scores=True)[1], False),
        (lambda x, y: attention()(x, y, attention_mask=mask_of(x, y)), False),
        (lambda x, y: attention()(four_axes(x), four_axes(x)), False),
        (lambda x, y: attention(attention_axes=(2,))(four_axes(x), four_axes(x)), False),
    ],
)
def test_attention(make, is_opened):
    x, y = keras.Input((6, 8)), keras.Input((5, 8))
    model = keras.Model([x, y], [make(x, y), y * 2])
    runner = compile(prune(model), threads=1, measure=False)
    check_runs_alike(model, runner)
    assert kinds(runner).count("Product") == (4 if is_opened else 0)


@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize(("queries", "keys"), [(1, 150), (130, 7), (150, 150), (300, 33)])
def test_as_many_queries_and_keys_as_there_are(queries, keys, is_causal):
    """Those of one image end in the middle of a vector, and of a part for a thread."""
    x, y = keras.Input((queries, 12)), keras.Input((keys, 12))
    mixed = layers.MultiHeadAttention(3, 5)(x, y, use_causal_mask=is_causal)
    model = keras.Model([x, y], keras.layers.LayerNormalization()(mixed))
    runner = compile(prune(model), threads=2, measure=False)
    assert "KerasCalls" not in kinds(runner) and "DotProduct" in kinds(runner)
    check_runs_alike(model, runner)


@pytest.mark.parametrize("scale", [30.0, 1000.0])
def test_scores_far_apart(scale):
    """As of a network whose attention is sharp: exponentials of what is far below are nothing."""
    x = keras.Input((20, 8))
    model = prune(keras.Model(x, layers.MultiHeadAttention(2, 4)(x, x)))
    kernel = model.layers[1].query_dense.kernel
    kernel.assign(scale * keras.ops.convert_to_tensor(kernel))
    check_runs_alike(model, compile(model, threads=1, measure=False))


def test_exponentials():
    exact = np.linspace(-100, 0, 100_001)
    numbers = np.float32(exact)
    exponentials(numbers, len(numbers))
    expected = np.exp(np.float64(np.float32(exact)))
    here = exact > -87
    assert np.abs(numbers[here] / expected[here] - 1).max() < 3e-7
    assert (numbers[~here] >= 0).all() and numbers[~here].max() < 2e-38
    infinite = np.full(3, -np.inf, np.float32)
    exponentials(infinite, 2)
    assert (infinite[:2] < 2e-38).all() and infinite[2] == -np.inf


def test_batches_of_any_size_in_turn_and_projections_left_to_keras():
    x = keras.Input((17, 8))
    mixed = layers.Add()([x, layers.MultiHeadAttention(2, 4, name="mix")(x, x)])
    model = prune(keras.Model(x, layers.LayerNormalization()(mixed)))
    layer = model.get_layer("mix")
    projections = ["query_dense", "key_dense", "value_dense", "output_dense"]
    for left in ([], *([name] for name in projections), projections[:3], projections):
        inputs = [Value(tuple(tensor.shape)) for tensor in model.inputs]
        calls, outputs = flat_calls(model, inputs)
        dense = {getattr(layer, name) for name in left}
        steps = read(inputs, opened(calls), outputs, dense)
        runner = Runner(model, inputs, steps, outputs, [], 1)
        for batch in (3, 1, 4, 3):
            check_runs_alike(model, runner, batch)
        assert ("DotProduct" in kinds(runner)) == (left in ([], ["output_dense"]))


def mask_of(x, y):
    return keras.ops.matmul(x, keras.ops.transpose(y, (0, 2, 1))) > 0


def four_axes(x):
    return layers.Reshape((3, 2, 8))(x)


def test_batches_of_a_fixed_size():
    x = keras.Input(batch_shape=(3, 6, 8))
    model = prune(keras.Model(x, layers.LayerNormalization()(attention()(x, x))))
    runner = compile(model, 3, threads=1, measure=False)
    assert "DotProduct" in kinds(runner) and "KerasCalls" not in kinds(runner)
    check_runs_alike(model, runner)


def test_the_table_says_whose_projections_they_are():
    x = keras.Input((6, 8))
    model = prune(keras.Model(x, layers.MultiHeadAttention(2, 4, name="mix")(x, x)))
    lines = str(compile(model, threads=1, measure=False)).splitlines()[1:]
    names = ["mix/query", "mix/key", "mix/value", "mix/attention_output"]
    assert [line.split()[0] for line in lines] == names


@pytest.mark.parametrize("axis", [-1, 3, [3], [2, 3], 1])
@pytest.mark.parametrize("parts", [{}, {"scale": False, "center": False, "epsilon": 0.1}])
def test_layer_normalization_between_convolutions(axis, parts):
    """The second one reads what lies around maps, which must be zero, not beta."""
    model = keras.Sequential(
        [
            keras.Input((9, 11, 3)),
            layers.Conv2D(6, 3, padding="same", activation="relu"),
            layers.LayerNormalization(axis=axis, **parts),
            layers.Conv2D(4, 3, padding="same"),
        ]
    )
    runner = compile(prune(model), threads=1, measure=False)
    check_runs_alike(model, runner)
    assert ("LayerNorm" in kinds(runner)) == (axis in (-1, 3, [3]))


def test_layer_normalization_of_large_numbers_close_to_each_other():
    """A variance as the mean of squares less the square of the mean would be lost in rounding."""
    model = keras.Sequential(
        [keras.Input((40, 8)), layers.Dense(64), layers.LayerNormalization(epsilon=1e-6)]
    )
    prune(model)
    model.layers[0].bias.assign(1000 + np.arange(64) % 3)
    runner = compile(model, threads=1, measure=False)
    x = np.random.default_rng(0).normal(0, 0.1, (2, 40, 8)).astype("float32")
    kernel, bias, gamma, beta = (np.float64(each) for each in model.get_weights())
    hidden = np.float64(np.float32(x @ kernel + bias))
    away = hidden - hidden.mean(-1, keepdims=True)
    expected = away / np.sqrt((away**2).mean(-1, keepdims=True) + 1e-6) * gamma + beta
    np.testing.assert_allclose(runner(x), expected, atol=2e-3)
