"""Layers that are linear in one kernel: which they are, and the shape of their noise."""

import contextlib
from typing import Any

import keras
from keras import ops

from state_of_sparsity.wrapping.keras_internals import computing_in_float32
from state_of_sparsity.wrapping.kernel_axes import KernelAxes, layer_of_one_product

# What a subclass may define anew and compute the same; Keras sets two of them on every instance.
_NO_ARITHMETIC = {
    *("__init__", "build", "quantize", "get_config", "from_config", "get_build_config"),
    *("build_from_config", "compute_output_shape", "compute_output_spec", "compute_mask"),
    *("save_own_variables", "load_own_variables", "__repr__", "__class__", "__doc__"),
}


def is_linear(layer) -> bool:
    """Returns whether `layer` computes `activation(inputs * kernel + bias)`.

    True of Keras's own layers, and of subclasses and instances that change nothing of what these
    define but how they are made and saved.
    """
    if getattr(layer, "logit_soft_cap", None) is not None:
        return False
    kind = layer_of_one_product(layer)
    if kind is None:
        return False
    below = type(layer).__mro__[: type(layer).__mro__.index(kind)]
    redefined = {name for own in (layer, *below) for name in vars(own)} - _NO_ARITHMETIC
    # Data on the instance are its settings; what the class defines and the instance hides is not.
    return not any(_is_code(getattr(kind, name, None)) for name in redefined)


def _is_code(attribute):
    return callable(attribute) or isinstance(attribute, property)


def looks_up(axes: KernelAxes, kwargs: dict[str, Any]) -> bool:
    """Returns whether a call of a linear layer takes indices of its kernel's rows.

    A `ReversibleEmbedding` called with `reverse=True` multiplies vectors by its kernel instead.

    Args:
        axes: those of the kernel of a layer for which `is_linear` holds.
        kwargs: keyword arguments of the call.
    """
    return axes.looks_up and not kwargs.get("reverse", False)


def in_rows(layer, args, kwargs):
    """Returns the arguments of a call with all positions along the first axis, and what undoes it.

    Of `Dense` on JAX alone, where XLA transposes the gradient of a product of rank 3 once for each
    product that it goes into: those of mean and variance are two. Others are returned as they are.

    Args:
        layer: a layer for which `is_linear` holds.
        args: positional arguments of its call.
        kwargs: keyword arguments of its call.

    Returns:
        `(args, kwargs, restored)`, the last a function of the outputs.
    """
    inputs = args[0] if args else kwargs["inputs"]
    is_dense = layer_of_one_product(layer) is keras.layers.Dense
    if not is_dense or len(inputs.shape) < 3 or not _transposes(inputs):
        return args, kwargs, lambda outputs: outputs
    rows = ops.reshape(inputs, (-1, inputs.shape[-1]))
    if args:
        args = (rows, *args[1:])
    else:
        kwargs = {**kwargs, "inputs": rows}

    def restored(outputs):
        return ops.reshape(outputs, (*inputs.shape[:-1], outputs.shape[-1]))

    return args, kwargs, restored


def _transposes(inputs):
    if keras.backend.backend() != "jax":
        return False
    import jax

    # Keras has sparse tensors too; and a user may have laid out the axes of a layer's outputs.
    spread = isinstance(keras.distribution.distribution(), keras.distribution.ModelParallel)
    return isinstance(inputs, jax.Array) and not spread


def noise_shape(axes: KernelAxes, args, kwargs, outputs, share_positions):
    """Returns the shape of the noise added to the outputs of a linear layer.

    Args:
        axes: those of the kernel of a layer for which `is_linear` holds.
        args: positional arguments of the layer's call.
        kwargs: keyword arguments of its call.
        outputs: its outputs, a tensor.
        share_positions: whether `Dense` and `EinsumDense` draw once an example.

    Returns:
        A tuple that broadcasts to the outputs' shape: all of it, or 1 along every axis that is
        neither the batch's nor one of the kernel's, where positions share their noise.
    """
    shape = tuple(ops.shape(outputs))
    rank = len(args[0].shape if args else kwargs["inputs"].shape)
    if not share_positions or rank < 3 or axes.window or axes.looks_up:
        return shape
    own = _own_noise(axes.equation, len(shape))
    return tuple(size if own[axis] else 1 for axis, size in enumerate(shape))


def _own_noise(equation, rank):
    """Returns for each output axis whether it is the first or one of the kernel's."""
    operands, output = equation.split("->")
    kernel = operands.split(",")[1]
    # The ellipsis stands for axes of the input alone, as many as are left.
    before, dots, after = output.partition("...")
    hidden = rank - len(before) - len(after) if dots else 0
    labels = list(before) + [None] * hidden + list(after)
    return [
        axis == 0 or (label is not None and label in kernel) for axis, label in enumerate(labels)
    ]


@contextlib.contextmanager
def without_activation(layer, in_float32=False):
    """Takes a layer's activation off for as long as the context lasts.

    Args:
        layer: a Keras layer.
        in_float32: whether the layer also computes in float32 meanwhile.
    """
    changes = {"activity_regularizer": None}
    if hasattr(layer, "activation"):
        changes["activation"] = keras.activations.linear
    # Through `__dict__`: Keras tracks what is set as an attribute, and this is put back.
    saved = {name: layer.__dict__[name] for name in changes if name in layer.__dict__}
    layer.__dict__.update(changes)
    try:
        with computing_in_float32(layer) if in_float32 else contextlib.nullcontext():
            yield
    finally:
        for name in changes:
            del layer.__dict__[name]
        layer.__dict__.update(saved)
