"""`MaskedWrapper`: a boolean mask beside each kernel, as all pruning techniques have it."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from state_of_sparsity.wrapping.base import SparseWrapper
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel


class MaskedWrapper(SparseWrapper):
    """Runs the wrapped layer with `where(mask, kernel, 0)` in place of each kernel.

    The stored kernel keeps its masked values: they get no gradient, but weight decay and momentum
    may still move them, and they can come back.
    """

    def add_kernel_state(self, kernel: SparseKernel) -> keras.Variable:
        """Creates the kernel's mask: boolean, one byte a weight, all true."""
        return self.add_beside(
            kernel,
            "mask",
            shape=kernel.variable.shape,
            dtype="bool",
            initializer="ones",
            trainable=False,
        )

    def mask(self, kernel: SparseKernel) -> keras.Variable:
        """Returns the mask variable of a kernel of this layer."""
        return self.kernel_state[kernel.name]

    def effective_kernel(self, kernel: SparseKernel, training: bool | None) -> Any:
        """Returns the kernel with zeros where the mask is false."""
        value = self.weight(kernel)
        mask = ops.convert_to_tensor(self.mask(kernel))
        return ops.where(mask, value, 0)  # no array of zeros, which TensorFlow would fill each step

    def constrained_kernel(self, kernel: SparseKernel, constraint: Callable[[Any], Any]) -> Any:
        """Returns the constrained effective kernel, and the masked values as they are."""
        mask = ops.convert_to_tensor(self.mask(kernel))
        allowed = constraint(self.effective_kernel(kernel, training=False))
        stored = ops.convert_to_tensor(kernel.variable)
        return ops.where(mask, self.to_store(kernel, allowed), stored)

    def merge_update(self, variable: keras.Variable, value: Any) -> Any:
        """Keeps the masked values when a layer assigns its own kernel (SpectralNormalization)."""
        kernel = next(k for k in self.sparse_kernels if k.variable is variable)
        mask = ops.convert_to_tensor(self.mask(kernel))
        return ops.where(mask, self.to_store(kernel, value), variable.value)

    def evaluation_kernel(self, kernel: SparseKernel) -> np.ndarray:
        """Returns the masked kernel as a numpy array."""
        value = self.weight_array(kernel)
        return np.where(self.present(kernel), value, np.zeros((), value.dtype))

    def training_share(self, kernel: SparseKernel) -> float:
        """Returns the fraction of weights that are present: all three parts skip the others."""
        return float(np.mean(self.present(kernel)))

    def present(self, kernel: SparseKernel) -> np.ndarray:
        """Returns the mask as a boolean numpy array."""
        return self.mask(kernel).numpy()
