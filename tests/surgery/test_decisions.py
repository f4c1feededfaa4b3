"""Which layers get a wrapper of their own: blocks are opened, unless that is asked otherwise."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import state_of_sparsity as sos

HALF = sos.schedules.ConstantSparsity(0.5, begin_step=0, frequency=1)
X = np.random.default_rng(0).normal(size=(4, 3, 6)).astype("float32")


def prune(layer):
    return sos.MagnitudePruning(layer, HALF)


def drop(layer):
    return sos.VariationalDropout(layer, 0.0, seed=0)


@keras.saving.register_keras_serializable(package="test_decisions")
class Block(layers.Layer):
    """A Transformer's block: attention and two dense layers."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.attention = layers.MultiHeadAttention(2, 3, name="attention")
        self.up = layers.Dense(8, "relu", name="up")
        self.down = layers.Dense(6, name="down")
        self.norm = layers.LayerNormalization(name="norm")

    def call(self, x):
        return x + self.down(self.up(self.norm(x + self.attention(x, x))))


@keras.saving.register_keras_serializable(package="test_decisions")
class WithAKernel(Block):
    """Holds a matrix itself, besides its layers."""

    def build(self, shape):
        self.mix = self.add_weight(shape=(6, 6), name="mix")

    def call(self, x):
        return super().call(x @ self.mix)


ATTENTION = [f"attention/{name}" for name in ("query", "key", "value", "attention_output")]
INSIDE = [f"block/{name}" for name in (*ATTENTION, "up", "down")]


def graph(kind=Block):
    inputs = keras.Input((3, 6))
    return keras.Model(inputs, layers.Dense(2, name="head")(kind(name="block")(inputs)))


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.attention = layers.MultiHeadAttention(2, 3, name="attention")

    def call(self, x):
        return self.attention(x, x)


def same_outputs(plain, sparse):
    np.testing.assert_allclose(sparse(X), plain(X), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("rule", [prune, drop])
def test_a_block_is_opened_down_to_its_projections(rule):
    plain = graph()
    before = plain(X)
    sparse = sos.sparsify(plain, rule)
    assert list(sos.sparse_layers(sparse)) == [*INSIDE, "head"]
    if rule is prune:
        np.testing.assert_allclose(sparse(X), before, rtol=1e-5, atol=1e-6)
    sparse.compile("sgd", "mse")
    sparse.fit(X, np.ones((4, 3, 2)), verbose=0, callbacks=[sos.UpdateSparsity()])
    np.testing.assert_allclose(sos.strip(sparse)(X), sparse(X), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([("query|key", None), ("", prune)], [p for p in INSIDE if p[-3:] not in ("ery", "key")]),
        ([("attention/", prune)], INSIDE[:4]),
        ([("^block$", prune)], ["block"]),
        ([("block/attention$", prune)], ["block/attention"]),
        ([("^block/attention$", None), ("^block", prune)], INSIDE[4:]),
        ([("^block$", None), ("", prune)], ["head"]),
    ],
)
def test_rules_see_the_projections(rules, expected):
    sparse = sos.sparsify(graph(), rules)
    assert [p for p in sos.sparse_layers(sparse) if p != "head" or "head" in expected] == expected


def test_taken_whole_it_can_be_saved(tmp_path):
    sparse = sos.sparsify(graph(), prune, whole_blocks=True)
    assert list(sos.sparse_layers(sparse)) == ["block", "head"]
    assert len(sos.masks(sparse)) == len(INSIDE) + 1
    sos.UpdateSparsity().update(sparse, 0)
    sparse.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(X), sparse(X), rtol=1e-5, atol=1e-6)
    opened = sos.sparsify(graph(), prune)
    with pytest.warns(UserWarning, match="cannot be loaded.*'Block'.*whole_blocks=True"):
        opened.save(tmp_path / "opened.keras")


def test_a_block_with_a_kernel_of_its_own_is_taken_whole():
    sparse = sos.sparsify(graph(WithAKernel), prune)
    assert list(sos.sparse_layers(sparse)) == ["block", "head"]
    assert "block/mix" in sos.masks(sparse)
    named = sos.sparsify(graph(WithAKernel), [("block/up", prune)])
    assert list(sos.sparse_layers(named)) == ["block/up"]


def test_attention_in_a_graph_is_whole_and_in_other_models_open():
    inputs = keras.Input((3, 6))
    plain = keras.Model(inputs, layers.MultiHeadAttention(2, 3, name="attention")(inputs, inputs))
    assert list(sos.sparse_layers(sos.sparsify(plain, prune, copy=True))) == ["attention"]
    opened = sos.sparsify(plain, [("attention/query", prune)])
    assert list(sos.sparse_layers(opened)) == ["attention/query"]
    model = Subclassed()
    model(X)
    assert list(sos.sparse_layers(sos.sparsify(model, prune))) == ATTENTION


def test_a_callable_may_take_a_block_whole_where_it_is_asked():
    def only_blocks(layer):
        return prune(layer) if isinstance(layer, Block) else None

    with_blocks = sos.sparsify(graph(), only_blocks, whole_blocks=True)
    assert list(sos.sparse_layers(with_blocks)) == ["block"]


class Holder(layers.Layer):
    """Holds the variable of another layer, not the layer."""

    def __init__(self, other, **kwargs):
        super().__init__(**kwargs)
        self.table = other.embeddings

    def call(self, x):
        return ops.matmul(x, ops.transpose(self.table))


@pytest.mark.parametrize("rules", [prune, [("^holder$", None), ("", prune)], [("embed", prune)]])
def test_a_sparse_variable_held_by_a_dense_layer_is_refused(rules):
    inputs = keras.Input((3,), dtype="int32")
    embedding = layers.Embedding(9, 6, name="embedding")
    hidden = layers.Dense(6, name="hidden")(embedding(inputs))
    plain = keras.Model(inputs, Holder(embedding, name="holder")(hidden))
    with pytest.raises(ValueError, match=r"(holds the variable|used by the layer).*in\s`call`"):
        sos.sparsify(plain, rules)
    assert list(sos.sparse_layers(sos.sparsify(plain, [("hidden", prune)]))) == ["hidden"]


@pytest.mark.parametrize("technique", [prune, drop, lambda la: sos.L0Regularization(la, 1e-4)])
def test_weights_of_a_plain_model_are_to_be_loaded_before(technique, tmp_path):
    def plain():
        return keras.Sequential([keras.Input((6,)), layers.Dense(5), layers.Dense(3)])

    plain().save_weights(tmp_path / "plain.weights.h5")
    sparse = sos.sparsify(plain(), technique)
    with pytest.raises(ValueError, match="Load the weights into the plain model first, then"):
        sparse.load_weights(tmp_path / "plain.weights.h5")


class WithoutCall(keras.Model):
    """Trains the models that it holds, and is never called itself."""

    def __init__(self, *parts):
        super().__init__()
        self.parts = list(parts)


def test_a_model_that_is_never_called():
    model = WithoutCall(graph(), keras.Sequential([keras.Input((6,)), layers.Dense(2, name="d")]))
    assert not model.built
    sos.sparsify(model, prune)
    assert len(sos.masks(model)) == len(INSIDE) + 2
    assert sos.strip(model, in_place=True) is model and sos.sparse_layers(model) == {}


def test_a_model_of_which_a_part_is_not_built():
    model = WithoutCall(graph(), layers.Dense(2, name="late"))
    with pytest.raises(ValueError, match=r"`model` must be built.*\['late'\] are not built"):
        sos.sparsify(model, prune)
    with pytest.raises(ValueError, match=r"`model` must be built.*not built\. Begin"):
        sos.sparsify(WithoutCall(), prune)
