"""How often one call of a layer applies each of its kernels.

multiply-adds of a call = size of the kernel * uses, where uses is the number of positions (batch
entries included) at which the kernel is multiplied with its input.
"""

import math

import keras

# Stands for "not known"; carried through sums and products by floating-point arithmetic.
UNKNOWN = math.nan

_TRANSPOSED = (
    keras.layers.Conv1DTranspose,
    keras.layers.Conv2DTranspose,
    keras.layers.Conv3DTranspose,
)
_DENSE = (
    keras.layers.Dense,
    keras.layers.SimpleRNNCell,
    keras.layers.LSTMCell,
    keras.layers.GRUCell,
)


def uses_in_call(owner, variable, siblings, inputs, outputs, arguments):
    """How many positions one call of `owner` applies a kernel at.

    uses = batch * output positions for convolutions, input positions for transposed ones (cropping
    at the border is not subtracted), sizes of the einsum labels the kernel does not have, one for
    each vector for dense layers, and 0 for a lookup.

    Args:
        owner: the Keras layer that owns the kernel.
        variable: the kernel.
        siblings: all kernels of `owner`, `variable` included.
        inputs: shape of the layer's first input, batch first; None if it has no known rank.
        outputs: shape of the layer's first output likewise.
        arguments: arguments of the call, by name.

    Returns:
        Number of uses, or `UNKNOWN` if the layer is of no kind known here and its shapes do not
        tell.
    """
    if inputs is None or outputs is None:
        return UNKNOWN
    if isinstance(owner, keras.layers.Embedding):
        return _embedding_uses(owner, variable, inputs, arguments)
    if isinstance(owner, _TRANSPOSED):
        return _positions(inputs, owner.data_format)
    # Every convolution of Keras, depthwise, separable and ConvLSTM's cell too, has a `data_format`.
    if hasattr(owner, "data_format") and len(variable.shape) == len(outputs) > 2:
        return _positions(outputs, owner.data_format)
    if isinstance(owner, keras.layers.EinsumDense):
        return _einsum_uses(owner.equation, inputs)
    if isinstance(owner, _DENSE):
        return _product(inputs[:-1])
    return _guess(variable, siblings, inputs, outputs)


def _product(shape):
    return math.prod(UNKNOWN if size is None else size for size in shape)


def _positions(shape, data_format):
    channels_first = data_format == "channels_first"
    return _product((shape[0], *(shape[2:] if channels_first else shape[1:-1])))


def _einsum_uses(equation, inputs):
    left, kernel = equation.replace(" ", "").split("->")[0].split(",")
    before, _, after = left.partition("...")
    sizes = dict(zip(before, inputs, strict=False))
    sizes.update(zip(reversed(after), reversed(inputs), strict=False))
    ellipsis = inputs[len(before) : len(inputs) - len(after)]
    shared = [size for label, size in sizes.items() if label not in kernel]
    return _product(shared) * _product(ellipsis)


def _embedding_uses(owner, variable, inputs, arguments):
    if not arguments.get("reverse"):
        return 0
    untied = getattr(owner, "reverse_embeddings", None)
    return _product(inputs[:-1]) if untied is None or variable is untied else 0


def _guess(variable, siblings, inputs, outputs):
    """Positions for a chain of matrix products from the input's last axis to the output's.

    A position embedding or a gain fits no such chain, and stays unknown.
    """
    if len(inputs) < 2 or len(outputs) < 2:
        return UNKNOWN
    others = [kernel.shape for kernel in siblings if kernel is not variable]
    sources = {inputs[-1], *(shape[-1] for shape in others)}
    targets = {outputs[-1], *(shape[-2] for shape in others)}
    if variable.shape[-2] not in sources or variable.shape[-1] not in targets:
        return UNKNOWN
    if len(variable.shape) == 2 and inputs[:-1] != outputs[:-1]:
        return UNKNOWN
    return _product(outputs[:-1])
