"""Initial weights for sparse kernels: variances as if a layer had the weights that are left."""

import keras
import numpy as np

from state_of_sparsity.surgery.structure import model_kernels
from state_of_sparsity.wrapping.kernel_axes import kernel_axes


def sparsity_aware(model: keras.Model, seed: int) -> None:
    """Draws the kernels of a masked model anew, by the number of their weights that are left.

    The study's "augmented" initialization. With `n` weights left of a kernel between so many
    inputs (of an embedding: rows) and outputs, `fan_in = n / outputs`, `fan_out = n / inputs` and

        convolution:  normal, standard deviation sqrt(2 / fan_out)
        embedding:    normal, standard deviation 1 / sqrt(fan_out)
        others:       uniform in (-l, l), l = sqrt(6 / (fan_in + fan_out))

    Dense kernels, biases and all else stay as they are. Distributions differ from the ordinary ones
    even of a mask that is all true.

    Args:
        model: a model with masks.
        seed: an integer of at least 0; each kernel has a stream of its own.

    Raises:
        ValueError: if it is not known which axes of a kernel are its inputs, or none of its weights
            is left.

    Reference: Gale, Elsen, Hooker, "The State of Sparsity in Deep Neural Networks", 2019, section
    7, and the initializers of its code.
    """
    for number, kernel in enumerate(model_kernels(model)):
        if kernel.wrapper is None:
            continue
        generator = np.random.default_rng((seed, number))
        kernel.variable.assign(_draw(generator, kernel, int(kernel.mask().sum())))


def _draw(generator, kernel, left):
    axes = kernel_axes(kernel)
    if axes is None or not left:
        raise ValueError(
            f"`initialize` must know the fans of a kernel. Received: '{kernel.path}' of shape "
            f"{kernel.shape}, with {left:,} weights left"
            f"{', whose axes are not known' if axes is None else ''}. Leave `initialize` out."
        )
    shape = kernel.shape
    inputs, outputs = (_size(shape, of) for of in (axes.inputs, axes.outputs))
    fan_in, fan_out = left / outputs, left / inputs
    if axes.looks_up:
        return generator.normal(0, fan_out**-0.5, shape)
    if axes.window:
        return generator.normal(0, (2 / fan_out) ** 0.5, shape)
    limit = (6 / (fan_in + fan_out)) ** 0.5
    return generator.uniform(-limit, limit, shape)


def _size(shape, axes):
    return int(np.prod([shape[axis] for axis in axes], dtype=int))
