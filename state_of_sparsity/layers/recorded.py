"""`RecordedMask`: what training steps write down beside each kernel, for masks to go by."""

from typing import Any, Literal

import keras
import numpy as np
from keras import ops

from state_of_sparsity.layers.masked import MaskedWrapper
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel

# What a record holds before the first step: no gradient is the same number everywhere.
NOTHING = -(2.0**15)


class RecordedMask(MaskedWrapper):
    """A mask, and beside it a record of gradients, for a technique that says which it needs.

    `"gradient"` is the gradient of the loss by the effective kernel: that of masked weights too.
    `"saliency"` is that times the stored weights. Both are those of the last step that trained the
    layer, over the whole batch, on every device and with any number of replicas; in float16 times
    the scale of the loss, which a LossScaleOptimizer does not take out of records.

    The record is trainable, and Keras assigns it its gradient (`overwrite_with_gradient`). In
    training the effective kernel has `record - stop_gradient(record)` added, which is 0, times the
    kernel for `"saliency"`: the gradient by the record is what is to be written down. Nothing else
    happens to it: optimizers have no moments of it, and neither clip nor decay it.
    """

    records: Literal["gradient", "saliency", "inputs"] | None

    @property
    def records_gradients(self) -> bool:
        """Whether training steps are what is recorded."""
        return self.records in ("gradient", "saliency")

    def add_kernel_state(self, kernel: SparseKernel) -> keras.Variable:
        """Creates the kernel's mask, and its record."""
        mask = super().add_kernel_state(kernel)
        if self.records_gradients:
            self.add_beside(
                kernel,
                self.records or "",
                shape=kernel.variable.shape,
                dtype=kernel.variable.dtype,
                initializer=keras.initializers.Constant(NOTHING),
                overwrite_with_gradient=True,
                aggregation="sum",  # the losses of replicas add up to the whole batch's
            )
        return mask

    def effective_kernel(self, kernel: SparseKernel, training: bool | None) -> Any:
        """Returns the masked kernel; in training its gradient reaches the record too."""
        value = super().effective_kernel(kernel, training)
        if not training or not self.records_gradients or not kernel.variable.trainable:
            return value
        record = ops.convert_to_tensor(self.beside[kernel.name][self.records or ""])
        nothing = record - ops.stop_gradient(record)
        if self.records == "saliency":
            nothing = nothing * ops.stop_gradient(self.weight(kernel))
        return value + nothing

    def record(self, kernel: SparseKernel) -> np.ndarray:
        """Returns the record of a kernel, as float32 or float64.

        Raises:
            ValueError: if no step has been recorded, or one that has diverged.
        """
        values = self.beside[kernel.name][self.records or ""].numpy()
        if values.dtype not in (np.float32, np.float64):
            values = values.astype(np.float32)
        if np.all(values == NOTHING):
            raise ValueError(
                f"A sparsity update of '{self.name}' ({type(self).__name__}) is due, and no "
                f"{self.records} of its kernel '{kernel.name}' has been recorded. Call "
                "`sos.observe(model, batches)` before training (in gin files "
                "`Experiment.observed_batches = 1`), or let the `schedule` begin after step 0. "
                "A layer that the loss does not depend on never has one: leave it dense."
            )
        if np.isnan(np.min(values)):
            raise ValueError(
                f"The {self.records} of the kernel '{kernel.name}' of the layer '{self.name}' is "
                "NaN at a sparsity update: training has diverged. Lower the learning rate, or "
                "resume from an earlier checkpoint."
            )
        return values

    def check_optimizer(self, optimizer: keras.optimizers.Optimizer) -> None:
        """Refuses an optimizer that does not record what it should, or fails at its end."""
        steps = getattr(optimizer, "gradient_accumulation_steps", None)
        if self.records_gradients and steps:
            raise ValueError(
                f"`gradient_accumulation_steps` must be None with {type(self).__name__}, which "
                f"goes by the {self.records} of a step: Keras would record the largest of "
                f"{steps} batches. Received: gradient_accumulation_steps={steps} of "
                f"{type(optimizer).__name__}. Use larger batches instead."
            )
        if self.records_gradients and getattr(optimizer, "use_ema", False):
            raise ValueError(
                f"`use_ema` must be False with {type(self).__name__}, which records the "
                f"{self.records} of a step: Keras fails as it puts averages in place. Received: "
                f"use_ema=True of {type(optimizer).__name__}."
            )
