"""The values that a kernel has at evaluation, as the layer uses it."""

import functools
from collections.abc import Callable

import numpy as np

from state_of_sparsity.wrapping.lora import lora_product


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

    def read():
        values, product = stored(), lora_product(kernel.owner, kernel.variable)
        if product is None:
            return values
        if kernel.quantized is None:
            return (values + product).astype(values.dtype)
        # The product is not quantized: a weight is not zero wherever either is not.
        return np.where((values == 0) & (product != 0), np.ones((), values.dtype), values)

    return read
