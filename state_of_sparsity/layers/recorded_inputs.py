"""`RecordedInputs`: masks that go by the inputs of a layer, of batches that it is shown."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from state_of_sparsity.layers.recorded import NOTHING
from state_of_sparsity.layers.scheduled_mask import ScheduledMask
from state_of_sparsity.wrapping.input_squares import (
    axes_of_inputs,
    input_sizes,
    mean_squares,
    of_every_weight,
)
from state_of_sparsity.wrapping.kernel_axes import KernelAxes
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel


class RecordedInputs(ScheduledMask):
    """A scheduled mask, and beside it a record of how large the layer's inputs are.

    `"inputs"` is the mean square of each input feature: over examples and positions (of a
    convolution all positions of a channel, of which a place of the window sees nearly all), over
    calls and batches, padding included. `sos.observe` fills it in evaluation mode. Training leaves
    it as it is.
    """

    records = "inputs"
    _means: list[np.ndarray] | None = None  # of the calls that are observed now

    def add_kernel_state(self, kernel: SparseKernel) -> keras.Variable:
        """Creates the kernel's mask, and its record; refuses a layer that hides its inputs."""
        sizes = input_sizes(kernel, self._axes(kernel))
        mask = super().add_kernel_state(kernel)
        start = keras.initializers.Constant(NOTHING)
        self.add_beside(kernel, "inputs", shape=sizes, initializer=start, trainable=False)
        return mask

    def _axes(self, kernel) -> KernelAxes:
        axes = axes_of_inputs(kernel, self.layer)
        if axes is None:
            raise ValueError(
                f"`layer` must be a dense, einsum or convolution layer with "
                f"{type(self).__name__}, which goes by the inputs that a kernel multiplies. "
                f"Received: '{self.layer.name}' ({type(self.layer).__name__}) with the kernel "
                f"'{kernel.name}', whose inputs cannot be seen. Name the layers inside it in "
                "`rules`, as in ('attention/', rule), or leave it dense, (path, None)."
            )
        return axes

    def sparse_call(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], training: bool | None
    ) -> Any:
        """Runs the layer, and looks at its inputs where it is observed."""
        if self._means is not None and not training:
            inputs = args[0] if args else kwargs["inputs"]
            (kernel,) = self.sparse_kernels
            means = mean_squares(kernel, self._axes(kernel), inputs)
            self._means.append(ops.convert_to_numpy(means))
        return super().sparse_call(args, kwargs, training)

    @contextlib.contextmanager
    def observing(self) -> Iterator[None]:
        """A context in which calls at evaluation are recorded, the mean of all when it ends."""
        self.__dict__["_means"] = means = []  # Keras would track a list
        try:
            yield
        finally:
            self.__dict__["_means"] = None
        for kernel in self.sparse_kernels if means else ():
            self.beside[kernel.name]["inputs"].assign(np.mean(means, axis=0, dtype=np.float64))

    def input_norms(self, kernel: SparseKernel) -> np.ndarray:
        """Returns the root mean square of the input of every weight, to broadcast to the kernel.

        Raises:
            ValueError: if no inputs have been recorded, or some that are no numbers.
        """
        means = self.beside[kernel.name]["inputs"].numpy()
        if np.any(means < 0):
            raise ValueError(
                f"A sparsity update of '{self.name}' ({type(self).__name__}) is due, and no inputs "
                "of it have been recorded. Call `sos.observe(model, batches)` before it (in gin "
                "files `Experiment.observed_batches = 1`). Leave a layer dense that the model does "
                "not call."
            )
        if not np.all(np.isfinite(means)):
            raise ValueError(
                f"`batches` of `sos.observe` must lead to finite inputs of every layer. Received "
                f"NaN or infinity at '{self.name}' ({type(self).__name__}): in the data, or from "
                "the weights of a layer before it."
            )
        return of_every_weight(kernel, self._axes(kernel), np.sqrt(means))
