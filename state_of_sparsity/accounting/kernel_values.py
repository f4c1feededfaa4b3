"""The values that a kernel has at evaluation, as the layer uses it."""

import functools
from collections.abc import Callable

import numpy as np
from keras import ops


def reader(kernel) -> Callable[[], np.ndarray]:
    """Returns a function that reads a kernel: zeros written in, LoRA's product added.

    Args:
        kernel: a `ModelKernel`. One that Keras has quantized is read as integers.
    """
    if kernel.quantized is not None:
        stored = kernel.quantized.values
    elif kernel.wrapper is not None:
        stored = functools.partial(kernel.wrapper.evaluation_kernel, kernel.kernel)
    else:
        stored = kernel.variable.numpy
    if not has_lora(kernel):
        return stored

    def read():
        values, product = stored(), _lora_product(kernel.owner)
        if kernel.quantized is None:
            return (values + product).astype(values.dtype)
        # The product is not quantized: a weight is not zero wherever either is not.
        return np.where((values == 0) & (product != 0), np.ones((), values.dtype), values)

    return read


def has_lora(kernel) -> bool:
    """Returns whether the layer adds LoRA's product to the kernel.

    Args:
        kernel: a `ModelKernel`.
    """
    stored = (vars(kernel.owner).get(name) for name in ("_kernel", "_embeddings"))
    return getattr(kernel.owner, "lora_enabled", False) and any(
        variable is kernel.variable for variable in stored
    )


def _lora_product(layer):
    names = ("lora_kernel_a", "lora_kernel_b")
    if not hasattr(layer, names[0]):
        names = ("lora_embeddings_a", "lora_embeddings_b")
    a, b = (ops.convert_to_numpy(getattr(layer, name)) for name in names)
    return layer.lora_alpha / layer.lora_rank * np.matmul(a, b)
