"""LoRA as Keras's layers have it: a product of two small matrices added to a kernel."""

import numpy as np
from keras import ops

from state_of_sparsity.wrapping.keras_internals import stored_weight

# What a layer calls its kernel, and the two matrices.
_NAMES = {
    "kernel": ("lora_kernel_a", "lora_kernel_b"),
    "embeddings": ("lora_embeddings_a", "lora_embeddings_b"),
}


def has_lora(layer) -> bool:
    """Returns whether LoRA is active in a layer itself."""
    return bool(getattr(layer, "lora_enabled", False)) and hasattr(layer, "enable_lora")


def lora_product(layer, variable) -> np.ndarray | None:
    """Returns what LoRA adds to a kernel of a layer, or None where it adds nothing.

    Args:
        layer: the layer that holds the kernel.
        variable: the kernel.
    """
    if not has_lora(layer):
        return None
    for name, (a, b) in _NAMES.items():
        if stored_weight(layer, name) is variable and hasattr(layer, a):
            factors = (ops.convert_to_numpy(getattr(layer, each)) for each in (a, b))
            return layer.lora_alpha / layer.lora_rank * np.matmul(*factors)
    return None
