"""`PositionEncoding`: adds to every position sinusoids that tell where it is."""

import math
from typing import Any

import keras
from keras import ops

from state_of_sparsity.version import PACKAGE

SHORTEST, LONGEST = 1.0, 1e4


@keras.saving.register_keras_serializable(package=PACKAGE)
class PositionEncoding(keras.layers.Layer):
    """Adds sines and cosines of the position, of wavelengths in geometric progression.

    For position p (from 0) and channel i < n = channels / 2, with timescales
    `t_i = 10^(4 i / (n - 1))` from 1 to 10,000,

        encoding[p, i] = sin(p / t_i),    encoding[p, n + i] = cos(p / t_i)

    Sines and cosines stand side by side as in Tensor2Tensor, where the paper interleaves them.

    Call arguments:
        inputs: `(batch, positions, channels)`; an even number of channels.
        first_position: the position of the first vector, an integer or a scalar tensor.
        positions: the position of each vector, `(batch, positions)`, where several sentences share
            a row; None where they count up from `first_position`.

    Returns:
        `inputs` plus the encoding.

    Example:

    >>> np.array(PositionEncoding()(keras.ops.zeros((1, 2, 4)))[0, 0]).tolist()
    [0.0, 0.0, 1.0, 1.0]

    Reference: Vaswani et al., "Attention Is All You Need", 2017, section 3.5; the "timing signal"
    of Tensor2Tensor.
    """

    def call(self, inputs: Any, first_position: Any = 0, positions: Any = None) -> Any:
        """Returns the inputs with their positions added."""
        half = inputs.shape[-1] // 2
        step = math.log(LONGEST / SHORTEST) / max(half - 1, 1)
        frequencies = ops.exp(-step * ops.arange(half, dtype="float32")) / SHORTEST
        # In float32 whatever the inputs: bfloat16 cannot tell position 256 from 257.
        if positions is None:
            positions = ops.arange(ops.shape(inputs)[1]) + first_position
        angles = ops.cast(positions, "float32")[..., None] * frequencies
        encoding = ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)
        return inputs + ops.cast(encoding, inputs.dtype)

    def compute_output_shape(self, inputs_shape: Any, positions_shape: Any = None) -> Any:
        """Returns the inputs' shape."""
        return inputs_shape
