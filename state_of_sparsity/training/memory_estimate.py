"""How much memory a training step takes, estimated before the first one."""

import math
from dataclasses import dataclass

import keras
import numpy as np

from state_of_sparsity.layers.l0_regularization import L0Regularization
from state_of_sparsity.layers.variational_dropout import VariationalDropout
from state_of_sparsity.surgery import structure
from state_of_sparsity.surgery.replacement import is_graph
from state_of_sparsity.wrapping.base import SparseWrapper
from state_of_sparsity.wrapping.keras_internals import graph_nodes
from state_of_sparsity.wrapping.kernels import sub_layers

_MIB, _GIB = 2**20, 2**30
# What a layer keeps for the backward pass, in tensors of its output's and of its kernel's size:
# noise, standard deviations, terms of the penalty. Measured on a CPU without XLA.
_KEPT = {VariationalDropout: (5, 10), L0Regularization: (1, 6), SparseWrapper: (1, 2)}


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes that one replica holds at the height of a training step; prints as a table.

    Args:
        weights: the model's variables, all but masks.
        masks: one byte for each weight that is pruned.
        gradients: one number for each trainable weight.
        optimizer_state: the optimizer's variables.
        activations: inputs and layers' outputs, kept for the backward pass; None if not known.
        kernel_copies: masked and drawn kernels, and what the penalties compute of them.
        working: gradients on their way and what the optimizer computes, taken as twice the largest
            output or weight; None if activations are not known.
        examples: a replica's part of a batch.
        not_counted: what the figures leave out, or None.
    """

    weights: int
    masks: int
    gradients: int
    optimizer_state: int
    activations: int | None
    kernel_copies: int
    working: int | None
    examples: int
    not_counted: str | None = None

    @property
    def total(self) -> int:
        """Sum of all that is known."""
        return sum(count or 0 for _, count in self._rows())

    def __str__(self) -> str:
        """Returns the estimate as aligned lines."""
        rows = [*self._rows(), ("total", self.total)]
        lines = [f"{name:20}{_human(size):>12}" for name, size in rows]
        header = f"{'memory of a step':20}{'estimated':>12}  ({self.examples:,} examples a replica)"
        remark = [f"Not counted: {self.not_counted}."] if self.not_counted else []
        return "\n".join([header, *lines, *remark])

    def _rows(self):
        names = ("weights", "masks", "gradients", "optimizer_state")
        names += ("activations", "kernel_copies", "working")
        return [(name.replace("_", " "), getattr(self, name)) for name in names]


def memory_estimate(
    model: keras.Model, batch_size: int, replicas: int = 1, length: int | None = None
) -> MemoryEstimate:
    """Estimates the memory of a training step from the model's variables and layers' outputs.

    Variables are counted exactly, the rest by rules of thumb: every output of a layer counts as
    kept, though some are freed (a convolution's between batch normalization and ReLU), and
    workspace, casts, batches that wait and the program itself are not counted.

    Measured with TensorFlow on two CPU cores, against the most that a process held beyond what it
    held before it made the model: the estimate is 0.85 to 1.11 of it for dense networks (LeNets,
    ResNet-18 and -50, plain convolutions, two large dense layers), 0.83 to 1.03 with magnitude
    pruning, 0.78 to 1.02 with L0 regularization, 0.72 to 1.11 with variational dropout; and 0.49
    to 0.79 under mixed_bfloat16, which a CPU computes by way of float32. The rules were fitted to
    these networks, in steps of a GiB and more; ResNet-50 with 32 images of 64x64, 0.7 GiB, came to
    0.66. On GPUs and TPUs, and under XLA, nothing was measured.

    Args:
        model: a built and compiled Keras model whose optimizer is built.
        batch_size: examples in a step, over all replicas.
        replicas: copies of the model that share a batch.
        length: what axes of inputs count as whose size is not fixed, such as the ids of the longest
            sentence; None if that is not known.

    Example:

    >>> print(memory_estimate(model, batch_size=64))
    """
    examples = batch_size // replicas
    masks = [v for v in model.variables if v.dtype == "bool"]
    weights = [v for v in model.variables if v.dtype != "bool"]
    outputs, not_counted = _outputs(model, examples, length)
    candidates = [*(outputs or ()), *(_bytes(v.shape, v.dtype) for v in model.trainable_variables)]
    return MemoryEstimate(
        weights=_total(weights),
        masks=_total(masks),
        gradients=_total(model.trainable_variables),
        optimizer_state=_total(model.optimizer.variables),
        activations=None if outputs is None else sum(outputs),
        kernel_copies=_kernel_copies(model),
        working=None if outputs is None else 2 * max(candidates),
        examples=examples,
        not_counted=not_counted,
    )


def _bytes(shape, dtype):
    return math.prod(shape) * np.dtype(dtype).itemsize


def _total(variables):
    return sum(_bytes(v.shape, v.dtype) for v in variables)


def _kept(layer):
    """Returns how many tensors of its output's and of its kernel's size a layer keeps."""
    return next((kept for kind, kept in _KEPT.items() if isinstance(layer, kind)), (1, 0))


def _kernel_copies(model):
    return sum(
        _kept(wrapper)[1] * _total(kernel.variable for kernel in wrapper.sparse_kernels)
        for wrapper in structure.sparse_layers(model).values()
    )


def _outputs(model, examples, length):
    """Returns the bytes of each output kept, None if not known; and what is left out, or None."""
    if not is_graph(model):
        return None, "activations, not known for a subclassed model"
    found, closed = [], []
    for operation, tensor in _graph_outputs(model):
        if operation is None:
            return None, "activations, not known for a subclassed model inside the model"
        shape = [length if size is None else size for size in tensor.shape[1:]]
        if None in shape:
            return None, "activations, not known where the size of an input is not fixed"
        size = _bytes((examples, *shape), tensor.dtype)
        found += [size] * _kept(operation)[0]
        closed += [operation.name] if _holds_layers(operation) else []
    return found, f"what happens inside {', '.join(dict.fromkeys(closed))}" if closed else None


def _graph_outputs(model, inputs=True):
    """Yields `(operation, output)` over a graph and those nested in it; its inputs are outputs."""
    for node in graph_nodes(model):
        operation = node.operation
        if not isinstance(operation, keras.Model):
            if inputs or not isinstance(operation, keras.layers.InputLayer):
                yield from ((operation, tensor) for tensor in node.outputs)
        elif is_graph(operation):
            yield from _graph_outputs(operation, inputs=False)
        else:
            yield None, None


def _holds_layers(operation):
    layer = operation.layer if isinstance(operation, keras.layers.Wrapper) else operation
    return isinstance(layer, keras.layers.Layer) and bool(sub_layers(layer))


def _human(size):
    if size is None:
        return "not known"
    return f"{size / _GIB:,.2f} GiB" if size >= _GIB else f"{size / _MIB:,.2f} MiB"
