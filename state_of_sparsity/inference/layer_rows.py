"""What layers of Keras compute, as sparse rows, scales and limits; None for what is not so.

Layers are taken by their very class: a subclass may compute something else.
"""

import math

import keras
import numpy as np

from state_of_sparsity.inference.sparse_rows import SparseRows

INFINITY = math.inf
NO_LIMITS = (-INFINITY, INFINITY)
# Activations that take numbers one by one, and leave zeros between maps zero.
KEEP_ZEROS = (
    *(keras.activations.gelu, keras.activations.silu, keras.activations.tanh),
    *(keras.activations.elu, keras.activations.selu, keras.activations.leaky_relu),
)


def array(variable) -> np.ndarray:
    """Returns the values of a variable or tensor."""
    return keras.ops.convert_to_numpy(variable)


def convolution(layer, maps_shape, padding=((0, 0), (0, 0))):
    """Returns `(rows, height, width)` of a convolution's outputs.

    Args:
        layer: `Conv2D` or `DepthwiseConv2D`.
        maps_shape: `(height, width)` of its inputs.
        padding: zeros around these that come before the layer, `((above, below), (left, right))`.
    """
    kernel = array(layer.kernel)
    depthwise = type(layer) is keras.layers.DepthwiseConv2D
    groups = kernel.shape[2] if depthwise else layer.groups
    if depthwise:
        kernel = kernel.reshape(*kernel.shape[:2], 1, -1)
    before, outputs = [], []
    for axis in (0, 1):
        window = (kernel.shape[axis] - 1) * layer.dilation_rate[axis] + 1
        first, count = window_places(
            maps_shape[axis], padding[axis], window, layer.strides[axis], layer.padding
        )
        before.append(first)
        outputs.append(count)
    biases = array(layer.bias) if layer.use_bias else None
    rows = SparseRows.of_kernel(
        kernel, biases, groups, before, tuple(layer.dilation_rate), tuple(layer.strides)
    )
    return rows, *outputs


def window_places(size, padding, window, stride, kind):
    """Returns how much padding comes before a map along one axis, and how many windows there are.

    Args:
        size: of the map.
        padding: `(before, after)`, zeros around it that come before the layer.
        window: the size of a window.
        stride: from one to the next.
        kind: the layer's own padding, "same" or "valid".
    """
    padded = size + sum(padding)
    if kind == "valid":
        return padding[0], (padded - window) // stride + 1
    count = -(-padded // stride)
    return padding[0] + max(0, (count - 1) * stride + window - padded) // 2, count


def dense(layer) -> SparseRows:
    """Returns the rows of `Dense`."""
    kernel = array(layer.kernel)
    return SparseRows.of_kernel(kernel[None, None], array(layer.bias) if layer.use_bias else None)


def einsum_dense(layer) -> SparseRows | None:
    """Returns the rows of `EinsumDense` where it sums over its inputs' last axes, in order."""
    inputs, kernel, outputs = layer.equation.replace("->", ",").replace(" ", "").split(",")
    summed = "".join(axis for axis in inputs if axis in kernel and axis not in outputs)
    made = "".join(axis for axis in outputs if axis in kernel and axis not in inputs)
    kept = inputs.removesuffix(summed)
    if not (summed and made and inputs == kept + summed and outputs == kept + made):
        return None
    if sorted(kernel) != sorted(summed + made) or not kept:
        return None
    values = np.einsum(f"{kernel}->{summed}{made}", array(layer.kernel))
    shape = values.shape[len(summed) :]
    biases = None
    if layer.bias is not None:
        if not set(layer.bias_axes) <= set(made):
            return None
        biases = np.broadcast_to(array(layer.bias), shape).ravel()
    return SparseRows.of_kernel(values.reshape(1, 1, -1, math.prod(shape)), biases)


def scale_and_shift(layer) -> tuple[np.ndarray, np.ndarray]:
    """Returns what `BatchNormalization` multiplies by and adds when it does not train."""
    scale = 1 / np.sqrt(np.float64(array(layer.moving_variance)) + layer.epsilon)
    if layer.scale:
        scale = scale * array(layer.gamma)
    shift = -array(layer.moving_mean) * scale
    return scale, shift + array(layer.beta) if layer.center else shift


def limits(layer) -> tuple[float, float] | None:
    """Returns the least and greatest output of a layer that only clips its inputs, else None."""
    if type(layer) is keras.layers.ReLU:
        plain = layer.negative_slope == 0 and layer.threshold == 0
        greatest = INFINITY if layer.max_value is None else float(layer.max_value)
        return (0.0, greatest) if plain else None
    return limits_of(layer.activation)


def limits_of(activation) -> tuple[float, float] | None:
    """Returns the least and greatest value of an activation that only clips, else None."""
    if activation is None or activation is keras.activations.linear:
        return NO_LIMITS
    if activation is keras.activations.relu:
        return 0.0, INFINITY
    return (0.0, 6.0) if activation is keras.activations.relu6 else None


def keeps_zeros(activation) -> bool:
    """Returns whether an activation is one of `KEEP_ZEROS`."""
    return any(activation is each for each in KEEP_ZEROS)  # a user's may have no hash
