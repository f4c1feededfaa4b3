"""How often one call of a layer applies each of its kernels.

multiply-adds of a call = size of the kernel * uses, where uses is the number of positions (batch
entries included) at which the kernel is multiplied with its input.
"""

import math
from typing import Any

from state_of_sparsity.wrapping.kernel_axes import kernel_axes
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel

# Stands for "not known"; carried through sums and products by floating-point arithmetic.
UNKNOWN = math.nan


def uses_in_call(
    kernel: SparseKernel, siblings: Any, inputs: Any, outputs: Any, arguments: Any
) -> float:
    """How many positions one call of a layer applies a kernel at.

    uses = batch * output positions for convolutions, input positions for transposed ones (cropping
    at the border is not subtracted), sizes of the einsum labels the kernel does not have, one for
    each vector for dense layers, and 0 for a lookup.

    Args:
        kernel: the `SparseKernel`, whose owner is the layer that is called.
        siblings: all kernels of that layer, this one included.
        inputs: shape of the layer's first input, batch first; None if it has no known rank.
        outputs: shape of the layer's first output likewise.
        arguments: arguments of the call, by name.

    Returns:
        Number of uses, or `UNKNOWN` if the layer is of no kind known here and its shapes do not
        tell.
    """
    if inputs is None or outputs is None:
        return UNKNOWN
    axes = kernel_axes(kernel)
    if axes is None or axes.assumed or (axes.window and not hasattr(kernel.owner, "data_format")):
        return _guess(kernel, siblings, inputs, outputs)
    if axes.looks_up:
        return _embedding_uses(kernel, inputs, arguments)
    if axes.window:
        return _positions(inputs if axes.scatters else outputs, kernel.owner.data_format)
    return _einsum_uses(axes.equation, inputs)


def _product(shape):
    return math.prod(UNKNOWN if size is None else size for size in shape)


def _positions(shape, data_format):
    channels_first = data_format == "channels_first"
    return _product((shape[0], *(shape[2:] if channels_first else shape[1:-1])))


def _einsum_uses(equation, inputs):
    left, kernel = equation.split("->")[0].split(",")
    before, _, after = left.partition("...")
    sizes = dict(zip(before, inputs, strict=False))
    sizes.update(zip(reversed(after), reversed(inputs), strict=False))
    ellipsis = inputs[len(before) : len(inputs) - len(after)]
    shared = [size for label, size in sizes.items() if label not in kernel]
    return _product(shared) * _product(ellipsis)


def _embedding_uses(kernel, inputs, arguments):
    if not arguments.get("reverse"):
        return 0
    untied = getattr(kernel.owner, "reverse_embeddings", None)
    return _product(inputs[:-1]) if untied is None or kernel.variable is untied else 0


def _guess(kernel, siblings, inputs, outputs):
    """Positions of a convolution, or of a chain of products from the last axis to the last.

    A position embedding or a gain fits no such chain, and stays unknown.
    """
    variable = kernel.variable
    if hasattr(kernel.owner, "data_format") and len(variable.shape) == len(outputs) > 2:
        return _positions(outputs, kernel.owner.data_format)
    if len(inputs) < 2 or len(outputs) < 2:
        return UNKNOWN
    if len(variable.shape) < 2:
        return UNKNOWN
    shapes = [sibling.variable.shape for sibling in siblings if sibling is not kernel]
    others = [shape for shape in shapes if len(shape) > 1]
    sources = {inputs[-1], *(shape[-1] for shape in others)}
    targets = {outputs[-1], *(shape[-2] for shape in others)}
    if variable.shape[-2] not in sources or variable.shape[-1] not in targets:
        return UNKNOWN
    if len(variable.shape) == 2 and inputs[:-1] != outputs[:-1]:
        return UNKNOWN
    return _product(outputs[:-1])
