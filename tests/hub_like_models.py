"""Toy models built as keras-hub builds its own: Functional models whose class has a constructor.

A backbone is a graph over blocks that keep their layers in private attributes, some of whose names
begin with `_self_`; a task is a graph over a backbone, and has methods of its own.
"""

import json
import pathlib

import keras
from keras import layers, ops

VOCABULARY, WIDTH, LENGTH, HEADS = 23, 8, 6, 2
registered = keras.saving.register_keras_serializable(package="hub_like")


@registered
class PositionTable(layers.Layer):
    """A learned position embedding, whose variable has the name that an `Embedding`'s has."""

    def __init__(self, length, **kwargs):
        super().__init__(**kwargs)
        self.length = length

    def build(self, input_shape):
        self.position_embeddings = self.add_weight(
            name="embeddings", shape=(self.length, input_shape[-1]), initializer="uniform"
        )

    def call(self, inputs, start_index=0):
        shape = ops.shape(inputs)
        table = ops.convert_to_tensor(self.position_embeddings)
        rows = ops.slice(table, (start_index, 0), shape[-2:])
        return ops.broadcast_to(rows, shape)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "length": self.length}


@registered
class CachedAttention(layers.MultiHeadAttention):
    """Attention that can go on from the keys and values of earlier positions."""

    def call(self, query, value, attention_mask=None, cache=None, cache_index=None, training=None):
        key, value = self._key_dense(value), self._value_dense(value)
        if cache is not None:
            start = [0, cache_index, 0, 0]
            key = ops.slice_update(cache[:, 0], start, key)
            value = ops.slice_update(cache[:, 1], start, value)
        outputs, _ = self._compute_attention(
            self._query_dense(query), key, value, attention_mask, training=training
        )
        outputs = self._output_dense(outputs)
        return outputs if cache is None else (outputs, ops.stack((key, value), axis=1))


@registered
class RelativeAttention(layers.MultiHeadAttention):
    """Attention with a relative bias, whose variable is called `embeddings` as T5's is."""

    def build(self, *args, **kwargs):
        super().build(*args, **kwargs)
        self.relative_attention_bias = self.add_weight(
            name="embeddings", shape=(2 * LENGTH, self._num_heads), initializer="uniform"
        )

    def call(self, query, value, training=None):
        outputs = super().call(query, value, training=training)
        return outputs + ops.mean(self.relative_attention_bias)


class _Block(layers.Layer):
    """Attention and two dense layers, all in private attributes and made by `build`."""

    def __init__(self, heads=HEADS, **kwargs):
        super().__init__(**kwargs)
        self.heads = heads

    def build(self, input_shape):
        width = input_shape[-1]
        self._self_attention_layer = self.attention_class(
            self.heads, width // self.heads, name="self_attention"
        )
        self._self_attention_layer.build(input_shape, input_shape)
        self._self_attention_layer_norm = layers.LayerNormalization(name="norm")
        self._self_attention_layer_norm.build(input_shape)
        self._feedforward_intermediate_dense = layers.Dense(2 * width, "relu", name="intermediate")
        self._feedforward_intermediate_dense.build(input_shape)
        self._feedforward_output_dense = layers.Dense(width, name="output")
        self._feedforward_output_dense.build((*input_shape[:-1], 2 * width))
        self.built = True

    def feed_forward(self, x):
        inside = self._feedforward_intermediate_dense(self._self_attention_layer_norm(x))
        return x + self._feedforward_output_dense(inside)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "heads": self.heads}


@registered
class DecoderBlock(_Block):
    """A causal block; with a cache it returns the cache too."""

    attention_class = CachedAttention

    def call(self, x, cache=None, cache_index=None):
        inside, keys = ops.shape(x)[1], LENGTH if cache is not None else ops.shape(x)[1]
        here = ops.arange(inside)[:, None] + (0 if cache_index is None else cache_index)
        mask = ops.expand_dims(ops.arange(keys)[None] <= here, 0)
        if cache is None:
            return self.feed_forward(x + self._self_attention_layer(x, x, attention_mask=mask))
        attended, cache = self._self_attention_layer(
            x, x, attention_mask=mask, cache=cache, cache_index=cache_index
        )
        return self.feed_forward(x + attended), cache


@registered
class EncoderBlock(_Block):
    """A block whose attention has a relative bias."""

    attention_class = RelativeAttention

    def call(self, x):
        return self.feed_forward(x + self._self_attention_layer(x, x))


class Preset:
    """Saves a model as its configuration and its weights, and makes one of such a folder."""

    def save_to_preset(self, folder):
        folder = pathlib.Path(folder)
        folder.mkdir(exist_ok=True)
        config = keras.saving.serialize_keras_object(self)
        (folder / "config.json").write_text(json.dumps(config))
        self.save_weights(folder / "model.weights.h5")

    @classmethod
    def from_preset(cls, folder):
        config = json.loads((pathlib.Path(folder) / "config.json").read_text())
        model = keras.saving.deserialize_keras_object(config)
        model.load_weights(pathlib.Path(folder) / "model.weights.h5")
        return model

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class Backbone(Preset, keras.Model):
    """What toy backbones share: the graph is made in the constructor of the subclass."""

    @property
    def token_embedding(self):
        return getattr(self, "_token_embedding", None)

    @token_embedding.setter
    def token_embedding(self, value):
        self._token_embedding = value

    def get_config(self):  # a Functional model's own would describe the graph
        return {"name": self.name, "trainable": self.trainable}


@registered
class DecoderBackbone(Backbone):
    """A language model without its head: two causal blocks in a list."""

    def __init__(self, depth=2, **kwargs):
        self.token_embedding = layers.ReversibleEmbedding(VOCABULARY, WIDTH, name="token_embedding")
        self.position_embedding = PositionTable(LENGTH, name="position_embedding")
        self.blocks = [DecoderBlock(name=f"block_{index}") for index in range(depth)]
        self.norms = {"last": layers.LayerNormalization(name="last_norm")}
        inputs = {"token_ids": keras.Input((None,), dtype="int32", name="token_ids")}
        x = self.token_embedding(inputs["token_ids"])
        x = x + self.position_embedding(x)
        for block in self.blocks:
            x = block(x)
        super().__init__(inputs, self.norms["last"](x), **kwargs)
        self.depth = depth

    def get_config(self):
        return {**super().get_config(), "depth": self.depth}


@registered
class EncoderBackbone(Backbone):
    """An encoder with segments and relative biases, and two outputs."""

    def __init__(self, **kwargs):
        self.token_embedding = layers.ReversibleEmbedding(VOCABULARY, WIDTH, name="token_embedding")
        self.segment_embedding = layers.Embedding(2, WIDTH, name="segment_embedding")
        self.block = EncoderBlock(name="block")
        self.pooled_dense = layers.Dense(WIDTH, "tanh", name="pooled_dense")
        inputs = {
            name: keras.Input((None,), dtype="int32", name=name)
            for name in ("token_ids", "segment_ids")
        }
        x = self.token_embedding(inputs["token_ids"])
        x = self.block(x + self.segment_embedding(inputs["segment_ids"]))
        outputs = {"sequence": x, "pooled": self.pooled_dense(x[:, 0])}
        super().__init__(inputs, outputs, **kwargs)


@registered
class PatchesWithToken(layers.Layer):
    """Patches by a convolution, a class token before them, and a table of positions."""

    def build(self, input_shape):
        self.patch_embedding = layers.Conv2D(WIDTH, 4, 4, name="patch_embedding")
        self.patch_embedding.build(input_shape)
        self.count = (input_shape[1] // 4) * (input_shape[2] // 4) + 1
        self.class_token = self.add_weight(
            name="class_token", shape=(1, 1, WIDTH), initializer="uniform"
        )
        self.position_embedding = layers.Embedding(self.count, WIDTH, name="position_embedding")
        self.position_embedding.build(None)
        self.built = True

    def call(self, images):
        patches = ops.reshape(self.patch_embedding(images), (-1, self.count - 1, WIDTH))
        token = ops.tile(self.class_token, (ops.shape(patches)[0], 1, 1))
        together = ops.concatenate([token, patches], axis=1)
        return together + self.position_embedding(ops.arange(self.count))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.count, WIDTH)


@registered
class StackedDense(layers.Layer):
    """Layers in a list that then gives way to a Sequential model of them, as in keras-hub's SAM."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.stack = [layers.Dense(WIDTH, "relu", name="first"), layers.Dense(WIDTH, name="last")]
        self.stack = keras.Sequential(self.stack, name="stack")

    def build(self, input_shape):
        self.stack.build(input_shape)
        self.built = True

    def call(self, x):
        return self.stack(x)

    def compute_output_shape(self, input_shape):
        return input_shape


@registered
class ImageBackbone(Backbone):
    """A vision transformer; its layers are in the graph and in no attribute."""

    def __init__(self, **kwargs):
        images = keras.Input((8, 8, 3), name="images")
        x = PatchesWithToken(name="patches")(images)
        x = EncoderBlock(name="block")(x)
        super().__init__(images, StackedDense(name="mlp")(x), **kwargs)
