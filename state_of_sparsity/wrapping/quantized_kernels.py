"""The kernels of layers that Keras has quantized: integers, two of them packed into a byte."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import keras
import numpy as np

from state_of_sparsity.wrapping.keras_internals import stored_weight
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel


@dataclass(frozen=True, eq=False, kw_only=True)
class QuantizedKernel(SparseKernel):
    """A kernel whose values are stored as integers.

    Args:
        unpacked_shape: its shape before it was packed.
        bits: bits that a weight takes, 8 or 4.
        read: returns the integers as an array of that shape, the zero point taken off, so that a
            weight is zero where its integer is.
    """

    unpacked_shape: tuple[int, ...]
    bits: int
    read: Callable[[], np.ndarray] = field(repr=False)

    @property
    def shape(self):
        """Its shape; two weights in a byte are two."""
        return self.unpacked_shape

    def values(self):
        """Returns the integers, zero where the weight is."""
        return self.read()


def quantized_kernels(layer) -> list[QuantizedKernel]:
    """Returns the quantized kernels that a layer itself holds; none of a layer left as it was.

    Args:
        layer: a built Keras layer.
    """
    mode = getattr(layer, "quantization_mode", None)
    if mode in ("gptq", "awq"):
        calibrated = getattr(layer, f"is_{mode}_calibrated", False)
        return [_columns_first(layer)] if calibrated else []
    names = ("embeddings", "reverse_embeddings", "kernel") if mode in ("int8", "int4") else ()
    held = {name: _stored(layer, name) for name in names}
    read = _int8 if mode == "int8" else _int4
    return [read(layer, name, variable) for name, variable in held.items() if variable is not None]


def _stored(layer, name):
    # A second table is stored by its own name.
    return vars(layer).get(name) if name == "reverse_embeddings" else stored_weight(layer, name)


def _int8(layer, attribute, variable):
    shape = tuple(variable.shape)
    return _kernel(attribute, variable, layer, shape, 8, variable.numpy)


def _int4(layer, attribute, variable):
    # Along which axis two weights are in a byte, and along which they share a zero point.
    packed, grouped = {"embeddings": (1, 1), "reverse_embeddings": (0, 0)}.get(attribute, (1, 0))
    if isinstance(layer, keras.layers.Embedding):
        length, shape = layer.output_dim, (layer.input_dim, layer.output_dim)
        shape = shape[::-1] if attribute == "reverse_embeddings" else shape
    elif isinstance(layer, keras.layers.EinsumDense):
        shape = tuple(layer.original_kernel_shape)
        length = math.prod(shape) // variable.shape[0]
    else:
        length = layer.units
        shape = (variable.shape[0], length)
    zero = getattr(layer, f"{attribute}_zero", None)

    def values():
        unpacked = _unpacked(variable, length, packed, "int8")
        return _without_zero_point(unpacked, zero, layer, grouped).reshape(shape)

    return _kernel(attribute, variable, layer, shape, 4, values)


def _columns_first(layer):
    """Returns a kernel stored by GPTQ or AWQ, the transpose of what the layer multiplies by."""
    variable, columns = layer.quantized_kernel, layer.kernel_zero.shape[0]
    shape = tuple(getattr(layer, "original_kernel_shape", (layer.g_idx.shape[0], columns)))
    bits = 4 if variable.shape[0] < columns else 8

    def values():
        stored = _unpacked(variable, columns, 0, "uint8") if bits == 4 else variable.numpy()
        return _without_zero_point(stored, layer.kernel_zero, layer, 1).T.reshape(shape)

    return _kernel("kernel", variable, layer, shape, bits, values)


def _kernel(attribute, variable, layer, shape, bits, read):
    name = attribute.lstrip("_")
    return QuantizedKernel(name, name, variable, layer, unpacked_shape=shape, bits=bits, read=read)


def _unpacked(variable, length, axis, dtype):
    unpacked = keras.quantizers.unpack_int4(variable.value, length, axis=axis, dtype=dtype)
    return keras.ops.convert_to_numpy(unpacked)


def _without_zero_point(values, zero, layer, axis):
    if zero is None:
        return values
    groups = layer.g_idx.numpy().astype(int)
    return (values - np.take(zero.numpy(), groups, axis=axis).astype(np.int16)).astype(np.int8)
