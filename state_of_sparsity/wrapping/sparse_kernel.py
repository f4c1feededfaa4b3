"""`SparseKernel`: one weight tensor that a technique makes sparse, or may."""

from dataclasses import dataclass

import keras
import numpy as np


@dataclass(frozen=True, eq=False)  # itself alone: equality of variables would be computed
class SparseKernel:
    """A kernel: of a layer by itself, of the wrapper that acts on it, or of a whole model.

    Args:
        path: the names of the layers that lead to it and its own, `encoder/query/kernel`, from the
            layer or model it was looked for in. It does not change when that is made sparse,
            stripped, or saved.
        name: its path inside the layer that is wrapped, or would be: `kernel` for a `Dense` layer
            and `query/kernel` for a `MultiHeadAttention` layer.
        variable: the Keras variable with the stored values.
        owner: the (sub-)layer that holds the variable.
        wrapper: the `SparseWrapper` that acts on it, or `None` for one that is left dense.
    """

    path: str
    name: str
    variable: keras.Variable
    owner: keras.layers.Layer
    wrapper: keras.layers.Wrapper | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        return tuple(self.variable.shape)

    def mask(self) -> np.ndarray:
        """Returns a boolean array: the weights present at evaluation, all of a dense kernel."""
        return np.ones(self.shape, bool) if self.wrapper is None else self.wrapper.present(self)

    def values(self) -> np.ndarray:
        """Returns the values that evaluation computes with, zeros written in."""
        return (
            self.variable.numpy() if self.wrapper is None else self.wrapper.evaluation_kernel(self)
        )

    def scores(self) -> np.ndarray:
        """Returns the score of every weight, computed anew, where a schedule drops the lowest."""
        return self.wrapper.checked_scores(self)  # type: ignore[union-attr]
