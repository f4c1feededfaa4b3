"""`Contract`: what a technique says of itself; `SparseWrapper` does the rest.

The state beside a kernel, the kernel to compute with, and what is present at evaluation have to be
said. A technique whose state changes by more than gradients says what it follows over the steps,
and how it is updated.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Self

import keras
import numpy as np
from keras import ops

from state_of_sparsity.schedules.followed import Followed
from state_of_sparsity.wrapping.powerpropagation import Powerpropagation
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel


class Contract:
    """The methods that a technique overrides, with what holds where it does not."""

    sparse_kernels: tuple[SparseKernel, ...]
    # What training steps write down beside each kernel, in `beside[kernel.name][records]`.
    records: str | None = None
    # How the kernels' variables store weights; None where they store themselves.
    reparametrization: Powerpropagation | None = None

    # What is stored.

    def weight(self, kernel: SparseKernel) -> Any:
        """Returns the weights that a kernel stores, a tensor: what formulas call its weight."""
        stored = ops.convert_to_tensor(kernel.variable)
        return stored if self.reparametrization is None else self.reparametrization.weight(stored)

    def weight_array(self, kernel: SparseKernel) -> np.ndarray:
        """Returns the weights that a kernel stores as a numpy array, a copy."""
        if self.reparametrization is None:
            return kernel.variable.numpy()
        return np.array(ops.convert_to_numpy(self.weight(kernel)))

    def to_store(self, kernel: SparseKernel, weight: Any) -> Any:
        """Returns what to store for a kernel to have other weights, a tensor or an array."""
        if self.reparametrization is None:
            return weight
        stored = ops.convert_to_tensor(kernel.variable)
        weight = ops.cast(ops.convert_to_tensor(weight), stored.dtype)
        # What stays the same would drift by rounding.
        same = weight == self.reparametrization.weight(stored)
        return ops.where(same, stored, self.reparametrization.stored(weight))

    # What it computes.

    def add_kernel_state(self, kernel: SparseKernel) -> keras.Variable:
        """Creates what is kept beside `kernel`, by `add_beside`, and returns the first of it."""
        raise NotImplementedError

    def effective_kernel(self, kernel: SparseKernel, training: bool | None) -> Any:
        """Returns the tensor that takes the kernel's place in the wrapped layer."""
        raise NotImplementedError

    def evaluation_kernel(self, kernel: SparseKernel) -> np.ndarray:
        """Returns the kernel used at evaluation as a numpy array, zeros written in."""
        raise NotImplementedError

    def present(self, kernel: SparseKernel) -> np.ndarray:
        """Returns a boolean numpy array: the weights of `kernel` present at evaluation."""
        raise NotImplementedError

    def constrained_kernel(self, kernel: SparseKernel, constraint: Callable[[Any], Any]) -> Any:
        """Returns the value to store so that the kernel of evaluation satisfies `constraint`.

        By default the stored weights themselves are constrained.
        """
        return self.to_store(kernel, constraint(self.weight(kernel)))

    @property
    def penalizes_stored(self) -> bool:
        """Whether there is a `stored_penalty`."""
        return False

    def stored_penalty(self, kernel: SparseKernel) -> Any:
        """Returns what the stored kernel adds to the loss, a scalar tensor, once a step.

        (What is learned beside a kernel is penalized by a regularizer of its own.)
        """
        raise NotImplementedError

    def merge_update(self, variable: keras.Variable, value: Any) -> Any:
        """Returns the value to store where the wrapped layer assigns its own kernel, or None."""
        return None

    # How it changes over the steps.

    @property
    def followed(self) -> Followed | None:
        """What `UpdateSparsity` follows for the layer; None if only gradients change it."""
        return None

    @property
    def needs_driver(self) -> bool:
        """Whether `UpdateSparsity` has to drive the layer while it is trained."""
        return self.followed is not None and bool(self.sparse_kernels)

    @property
    def update_group(self) -> Hashable | None:
        """Layers that follow the same and have an equal group are updated together."""
        return None

    def update(
        self, step: int, value: float, members: Sequence[Any]
    ) -> list[tuple[keras.Variable, np.ndarray]]:
        """Brings the layer, and all of its group, to a value of what they follow.

        It may be called again for a step, by a run that is resumed: with no other outcome.

        Args:
            step: the step that the update is for, in optimizer steps completed.
            value: what `followed` said for it.
            members: the layers of the group, this one the first.

        Returns:
            Pairs of a kernel's variable and a boolean array: weights that begin anew, of which an
            optimizer is to forget the past.
        """
        raise NotImplementedError

    # What it costs.

    def training_share(self, kernel: SparseKernel) -> float:
        """Returns the multiply-adds of a training step now, in those of a dense kernel's step.

        Zeros are skipped. A third each are the layer, the gradient by its inputs, and that by its
        weights. By default nothing is skipped.
        """
        return 1.0

    # What it asks of a run.

    def check_optimizer(self, optimizer: keras.optimizers.Optimizer) -> None:
        """Raises a `ValueError`, before training, if the layer cannot be trained by it."""

    @classmethod
    def before_run(
        cls, layers: Sequence[Self], optimizer: keras.optimizers.Optimizer, start: int, end: int
    ) -> None:
        """Warns of what all a model's layers of this technique cannot reach in a run."""

    @classmethod
    def after_run(cls, layers: Sequence[Self]) -> None:
        """Warns of what a run has not done to all a model's layers of this technique."""
