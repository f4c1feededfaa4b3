"""Which kernels are position embeddings and the like, and are left alone unless they are named."""

import keras
import numpy as np
import pytest
from keras import layers

import state_of_sparsity as sos
from state_of_sparsity.wrapping.additive_tables import is_additive_table
from state_of_sparsity.wrapping.kernels import find_kernels

HALF = sos.schedules.ConstantSparsity(0.5, begin_step=0, frequency=1)


def prune(layer):
    return sos.MagnitudePruning(layer, HALF)


class Holder(layers.Layer):
    """Holds one weight of any name and shape, in an attribute of any name."""

    def __init__(self, variable, shape=(4, 6), attribute=None, **kwargs):
        super().__init__(**kwargs)
        setattr(self, attribute or variable, self.add_weight(name=variable, shape=shape))
        self.built = True


class PositionEmbedding(Holder):
    """As in keras-hub: told by its class, whatever it is called."""


def embedding(name):
    return layers.Embedding(5, 6, name=name)


@pytest.mark.parametrize(
    "layer",
    [
        *(embedding(n) for n in ("position_embedding", "pos_embed_2", "segment_embedding")),
        *(embedding(n) for n in ("token_type_embedding", "decoder_position_embedding_1")),
        PositionEmbedding("embeddings", name="anything"),
        Holder("class_token", (1, 1, 6)),
        Holder("cls", (1, 6)),  # one vector
        *(Holder(n) for n in ("register_tokens", "mask_tokens", "pos_embed", "rel_pos_h")),
        Holder("relative_position_table"),
        Holder("embeddings", attribute="relative_attention_bias"),
    ],
    ids=lambda layer: layer.name,
)
def test_tables(layer):
    if not layer.built:
        layer.build((None, 3))
    assert [is_additive_table(kernel) for kernel in find_kernels(layer)] == [True]


@pytest.mark.parametrize(
    "layer",
    [
        *(embedding(n) for n in ("token_embedding", "word_embeddings", "embedding", "tokens")),
        *(layers.Dense(6, name=n) for n in ("position_dense", "relative", "class_token")),
        layers.Conv1D(6, 1, name="position"),
        Holder("w", name="position"),
        Holder("pos_proj"),
        Holder("tokens"),
        Holder("query"),
        Holder("composition"),
    ],
    ids=lambda layer: f"{layer.name}",
)
def test_kernels(layer):
    if not layer.built:
        layer.build((None, 3, 4))
    assert [is_additive_table(kernel) for kernel in find_kernels(layer)] == [False]


@pytest.mark.parametrize("application", ["MobileNetV3Small", "ConvNeXtTiny", "EfficientNetV2B0"])
def test_no_kernel_of_a_convolutional_network_is_taken_for_one(application):
    model = getattr(keras.applications, application)(weights=None, input_shape=(64, 64, 3))
    kernels = [kernel for layer in model.layers for kernel in find_kernels(layer)]
    assert kernels and not any(is_additive_table(kernel) for kernel in kernels)


class Embedded(keras.Model):
    def __init__(self):
        super().__init__()
        self.tokens = layers.Embedding(9, 6, name="tokens")
        self.position_embedding = layers.Embedding(3, 6, name="position_embedding")
        self.head = layers.Dense(4, name="head")

    def call(self, ids):
        return self.head(self.tokens(ids) + self.position_embedding(np.arange(3)))


def embedded():
    model = Embedded()
    model(np.ones((2, 3), "int32"))
    return model


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (prune, ["tokens", "head"]),
        ([("", prune)], ["tokens", "head"]),
        ([("^(?!head)", prune)], ["tokens"]),
        ([("position", prune), ("", prune)], ["tokens", "position_embedding", "head"]),
        ([("^position_embedding$", prune)], ["position_embedding"]),
        ([("position_embedding/embeddings", prune)], ["position_embedding"]),
        ([("position_embedding", None), ("", prune)], ["tokens", "head"]),
    ],
)
def test_rules_leave_tables_alone_unless_they_name_them(rules, expected):
    model = sos.sparsify(embedded(), rules)
    assert list(sos.sparse_layers(model)) == expected
    assert len(sos.report(model, input_shape=(3,)).layers) == 3
    assert list(sos.masks(model)) == [
        f"{path}/{'kernel' if path == 'head' else 'embeddings'}" for path in expected
    ]


def test_an_embedding_is_told_by_the_attribute_that_holds_it():
    class Tutorial(keras.Model):
        def __init__(self):
            super().__init__()
            self.tokens = layers.Embedding(9, 6, name="tokens")
            self.pos_emb = layers.Embedding(3, 6, name="embedding_1")
            self.head = layers.Dense(4, name="head")

        def call(self, ids):
            return self.head(self.tokens(ids) + self.pos_emb(np.arange(3)))

    model = Tutorial()
    model(np.ones((2, 3), "int32"))
    sos.sparsify(model, prune)
    assert list(sos.sparse_layers(model)) == ["tokens", "head"]
    report = sos.report(model, input_shape=(3,))
    assert report.additive_tables == ("embedding_1/embeddings",)
    assert "embedding_1/embeddings" in str(report).split("Left dense unless")[1]


class Positioned(layers.Layer):
    """A kernel and a table in one layer."""

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], shape[-1]), name="w")
        self.table = self.add_weight(shape=shape[1:], name="position_table")

    def call(self, x):
        return x @ self.w + self.table


def test_a_wrapper_leaves_a_table_beside_a_kernel_alone():
    layer = Positioned()
    layer.build((None, 3, 6))
    assert [kernel.name for kernel in prune(layer).sparse_kernels] == ["w"]
    named = sos.MagnitudePruning(layer, HALF, kernels=("position_table",))
    assert [kernel.name for kernel in named.sparse_kernels] == ["position_table"]
    alone = prune(PositionEmbedding("embeddings"))  # wrapped by hand: that names it
    assert [kernel.name for kernel in alone.sparse_kernels] == ["embeddings"]


@pytest.mark.parametrize("name", ["query_embedding", "class_embedding", "prompt_embedding"])
def test_tables_of_many_rows_are_no_tokens(name):
    few, many = layers.Embedding(100, 8, name=name), layers.Embedding(5000, 8, name=name)
    few.build()
    many.build()
    assert is_additive_table(find_kernels(few)[0])
    assert not is_additive_table(find_kernels(many)[0])
