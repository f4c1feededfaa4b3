"""A Transformer of a few hundred weights, and sentences for it."""

import numpy as np

from state_of_sparsity.models.transformer import transformer

VOCABULARY = 11
# Tokens first, then the end of the sentence (1), then padding (0).
SOURCE = np.array([[7, 5, 9, 4, 1, 0], [4, 1, 0, 0, 0, 0], [2, 8, 3, 6, 5, 1]], "int32")
TARGET = np.array([[3, 6, 1, 0], [10, 8, 9, 1], [5, 1, 0, 0]], "int32")
SENTENCES = {"source": SOURCE, "target": TARGET}


def small_transformer(num_layers=1, hidden_dim=8, num_heads=2, random=True, **arguments):
    """Returns a Transformer whose biases and normalizations are random, not at their start."""
    model = transformer(VOCABULARY, num_layers, hidden_dim, 16, num_heads, **arguments)
    generator = np.random.default_rng(0)
    for layer in model.layers if random else ():
        if layer.name.endswith("normalization") or "feed_forward" in layer.name:
            layer.set_weights(
                [w + 0.1 * generator.normal(size=w.shape) for w in layer.get_weights()]
            )
    return model
