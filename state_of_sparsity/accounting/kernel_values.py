"""The values that a kernel has at evaluation, as the layer uses it."""

from collections.abc import Callable

import numpy as np

from state_of_sparsity.wrapping.lora import lora_product
from state_of_sparsity.wrapping.quantized_kernels import QuantizedKernel
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel


def reader(kernel: SparseKernel) -> Callable[[], np.ndarray]:
    """Returns a function that reads a kernel: zeros written in, LoRA's product added.

    Args:
        kernel: a `SparseKernel`. One that Keras has quantized is read as integers.
    """

    def read():
        values, product = kernel.values(), lora_product(kernel.owner, kernel.variable)
        if product is None:
            return values
        if not isinstance(kernel, QuantizedKernel):
            return (values + product).astype(values.dtype)
        # The product is not quantized: a weight is not zero wherever either is not.
        return np.where((values == 0) & (product != 0), np.ones((), values.dtype), values)

    return read
