"""Toy tasks over the backbones of `hub_like_models`, built as keras-hub builds its own."""

import functools

import keras
from keras import layers, ops

from tests.hub_like_models import (
    LENGTH,
    VOCABULARY,
    WIDTH,
    DecoderBackbone,
    EncoderBackbone,
    ImageBackbone,
    Preset,
    registered,
)


class Task(Preset, keras.Model):
    """A graph over a backbone, compiled by its constructor."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.compile()

    @property
    def backbone(self):
        return getattr(self, "_backbone", None)

    @backbone.setter
    def backbone(self, value):
        self._backbone = value

    def get_config(self):
        return {"backbone": keras.saving.serialize_keras_object(self.backbone), "name": self.name}

    def get_compile_config(self):  # whoever loads a task compiles it
        return None

    @classmethod
    def from_config(cls, config):
        if isinstance(config["backbone"], dict):
            config["backbone"] = keras.saving.deserialize_keras_object(config["backbone"])
        return cls(**config)


@registered
class CausalLM(Task):
    """A language model whose embedding is its head too, and which writes."""

    def __init__(self, backbone, **kwargs):
        self.backbone = backbone
        hidden = backbone(backbone.input)
        super().__init__(backbone.input, backbone.token_embedding(hidden, reverse=True), **kwargs)

    def compile(self, optimizer="adam", loss="auto", **kwargs):
        if loss == "auto":
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        super().compile(optimizer, loss, **kwargs)
        self.generate_function = None

    def call_with_cache(self, token_ids, cache, index):
        """Returns the logits of one or more positions that begin at `index`, and the cache."""
        x = self.backbone.token_embedding(token_ids)
        x = x + self.backbone.position_embedding(x, start_index=index)
        caches = []
        for number, block in enumerate(self.backbone.blocks):
            x, block_cache = block(x, cache=cache[:, number], cache_index=index)
            caches.append(block_cache)
        x = self.backbone.norms["last"](x)
        return self.backbone.token_embedding(x, reverse=True), ops.stack(caches, axis=1)

    def generate_step(self, token_ids):
        """Returns `(batch, LENGTH)` tokens that begin with those given, the likeliest each time."""
        heads = self.backbone.blocks[0].heads
        shape = (len(token_ids), self.backbone.depth, 2, LENGTH, heads, WIDTH // heads)
        logits, cache = self.call_with_cache(token_ids, ops.zeros(shape), 0)
        written = [token_ids, ops.argmax(logits[:, -1:], axis=-1)]
        for index in range(token_ids.shape[1], LENGTH - 1):
            logits, cache = self.call_with_cache(written[-1], cache, index)
            written.append(ops.argmax(logits, axis=-1))
        return ops.concatenate([ops.cast(part, "int32") for part in written], axis=1)

    def make_generate_function(self):
        """Compiles `generate_step` once; the next `compile` forgets it."""
        if self.generate_function is None:
            self.generate_function = self.generate_step
            if keras.backend.backend() == "tensorflow" and not self.run_eagerly:
                import tensorflow as tf

                self.generate_function = tf.function(self.generate_step)
            elif keras.backend.backend() == "jax" and not self.run_eagerly:
                self.generate_function = _compiled_by_jax(self)
        return self.generate_function

    def generate(self, token_ids):
        """Returns the continuation of every row as a numpy array."""
        tokens = ops.convert_to_tensor(token_ids, dtype="int32")
        return ops.convert_to_numpy(self.make_generate_function()(tokens))


def _compiled_by_jax(model):
    import jax

    @jax.jit
    def step(token_ids, values):
        variables = model.trainable_variables + model.non_trainable_variables
        with keras.StatelessScope(zip(variables, values, strict=True)):
            return model.generate_step(token_ids)

    @functools.wraps(step)
    def generate(token_ids):
        variables = model.trainable_variables + model.non_trainable_variables
        return step(token_ids, [variable.value for variable in variables])

    return generate


@registered
class TextClassifier(Task):
    """A head over the pooled output of an encoder."""

    def __init__(self, backbone, classes=3, **kwargs):
        self.backbone = backbone
        self.output_dropout = layers.Dropout(0.1, name="output_dropout")
        self.output_dense = layers.Dense(classes, name="logits")
        pooled = backbone(backbone.input)["pooled"]
        super().__init__(backbone.input, self.output_dense(self.output_dropout(pooled)), **kwargs)
        self.classes = classes

    def get_config(self):
        return {**super().get_config(), "classes": self.classes}


@registered
class ImageClassifier(Task):
    """A head over the class token; its pooling layer is in no attribute."""

    def __init__(self, backbone, **kwargs):
        self.backbone = backbone
        self.output_dense = layers.Dense(3, name="logits")
        x = layers.Identity(name="pooling")(backbone(backbone.input)[:, 0])
        super().__init__(backbone.input, self.output_dense(x), **kwargs)


@registered
class MaskedHead(layers.Layer):
    """Words again from hidden states, by the embedding of the backbone, which it holds too."""

    def __init__(self, token_embedding, **kwargs):
        super().__init__(**kwargs)
        self.token_embedding = token_embedding

    def build(self, input_shape):
        self._intermediate_dense = layers.Dense(WIDTH, "relu", name="intermediate_dense")
        self._intermediate_dense.build(input_shape)
        self._bias = self.add_weight(name="output_bias", shape=(VOCABULARY,))
        self.built = True

    def call(self, x):
        return self.token_embedding(self._intermediate_dense(x), reverse=True) + self._bias

    def get_config(self):
        embedding = keras.saving.serialize_keras_object(self.token_embedding)
        return {**super().get_config(), "token_embedding": embedding}

    @classmethod
    def from_config(cls, config):
        embedding = keras.saving.deserialize_keras_object(config.pop("token_embedding"))
        return cls(embedding, **config)


@registered
class MaskedLM(Task):
    """An encoder and a head that shares its embedding."""

    def __init__(self, backbone, **kwargs):
        self.backbone = backbone
        self.masked_head = MaskedHead(backbone.token_embedding, name="masked_head")
        hidden = backbone(backbone.input)
        hidden = hidden["sequence"] + ops.expand_dims(hidden["pooled"], 1)
        super().__init__(backbone.input, self.masked_head(hidden), **kwargs)


def causal_lm():
    """Returns a language model."""
    return CausalLM(DecoderBackbone(name="decoder_backbone"))


def text_classifier():
    """Returns a classifier of pairs of texts."""
    return TextClassifier(EncoderBackbone(name="encoder_backbone"))


def masked_lm():
    """Returns a model that fills in words."""
    return MaskedLM(EncoderBackbone(name="encoder_backbone"))


def image_classifier():
    """Returns a classifier of images."""
    return ImageClassifier(ImageBackbone(name="image_backbone"))
