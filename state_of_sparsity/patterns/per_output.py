"""`PerOutput`: every output has as many weights as any other."""

from typing import Any

import keras
import numpy as np

from state_of_sparsity.masking.columns import keep_in_columns
from state_of_sparsity.patterns.pattern import Pattern
from state_of_sparsity.version import PACKAGE
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel


@keras.saving.register_keras_serializable(package=PACKAGE)
class PerOutput(Pattern):
    """Every output of a layer has equally many weights, those of highest score.

    What an output is a sum over (input units; channels and window of a filter) shares no zeros with
    other outputs: no unit is cut off, and all have a constant fan-in. A kernel has exactly the
    zeros that a schedule, or a distribution, has for it; where outputs do not divide them, those
    with the lowest score next in turn have one more.

    Example:

    >>> schedule = sos.schedules.PolynomialDecay(0.0, 0.8, begin_step=0, end_step=1000)
    >>> pattern = sos.patterns.PerOutput()
    >>> layer = sos.MagnitudePruning(keras.layers.Dense(10), schedule, pattern=pattern)

    Reference: Sun et al., "A Simple and Effective Pruning Approach for Large Language Models",
    2023 (comparison group per output); Lasby et al., "Dynamic Sparse Training with Structured
    Sparsity", 2023 (constant fan-in).
    """

    def __str__(self) -> str:
        return "per output"

    def keep(self, kernel: SparseKernel, scores: np.ndarray, zeros: int) -> np.ndarray:
        """Returns the mask of the highest scores of each output."""
        matrices = self.matrices(kernel)
        _, _, columns = matrices.sizes
        return matrices.back(keep_in_columns(matrices.of(scores).reshape(-1, columns), zeros))

    def get_config(self) -> dict[str, Any]:
        """Returns nothing: it has no arguments."""
        return {}
