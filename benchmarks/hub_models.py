"""Tiny models of keras-hub with random weights: `MODELS[name]()` makes one."""

import keras_hub

BASE = {"vocabulary_size": 50, "num_layers": 2, "hidden_dim": 16, "intermediate_dim": 32}
HEADS = {**BASE, "num_heads": 2}
POSITIONS = {**HEADS, "max_sequence_length": 12}
GROUPS = {**BASE, "num_query_heads": 4, "num_key_value_heads": 2}
IMAGES = (32, 32, 3)
models = keras_hub.models


def bert():
    """Returns an encoder with position and segment embeddings."""
    return models.BertBackbone(**POSITIONS)


def bart():
    """Returns an encoder and a decoder that attends to it."""
    return models.BartBackbone(**POSITIONS)


def gpt2():
    """Returns a decoder with position embeddings."""
    return models.GPT2Backbone(**POSITIONS)


def llama():
    """Returns a decoder with rotary positions and a head apart from its embedding."""
    return models.LlamaBackbone(**GROUPS)


def whisper():
    """Returns an encoder of sound and a decoder of text."""
    lengths = {"max_encoder_sequence_length": 16, "max_decoder_sequence_length": 12}
    return models.WhisperBackbone(**HEADS, **lengths, num_mels=8)


def vit():
    """Returns a vision transformer with a class token."""
    return models.ViTBackbone(IMAGES, 8, 2, 2, 16, 32)


def resnet():
    """Returns a residual network of two blocks."""
    return models.ResNetBackbone(
        [64], [3], [64, 16], [1, 1], [1, 2], "basic_block", image_shape=IMAGES
    )


MODELS = {
    "BertBackbone": bert,
    "GPT2Backbone": gpt2,
    "LlamaBackbone": llama,
    "GemmaBackbone": lambda: models.GemmaBackbone(**GROUPS, head_dim=8),
    "MistralBackbone": lambda: models.MistralBackbone(**GROUPS),
    "T5Backbone": lambda: models.T5Backbone(**HEADS),
    "BartBackbone": bart,
    "WhisperBackbone": whisper,
    "ViTBackbone": vit,
    "ResNetBackbone": resnet,
    "GPT2CausalLM": lambda: models.GPT2CausalLM(gpt2(), preprocessor=None),
    "LlamaCausalLM": lambda: models.LlamaCausalLM(llama(), preprocessor=None),
    "BartSeq2SeqLM": lambda: models.BartSeq2SeqLM(bart(), preprocessor=None),
    "BertTextClassifier": lambda: models.BertTextClassifier(bert(), 3, preprocessor=None),
    "BertMaskedLM": lambda: models.BertMaskedLM(bert(), preprocessor=None),
    "ViTImageClassifier": lambda: models.ViTImageClassifier(vit(), 3, preprocessor=None),
    "ResNetImageClassifier": lambda: models.ResNetImageClassifier(resnet(), 3, preprocessor=None),
}
