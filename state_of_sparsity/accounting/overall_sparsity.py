"""`overall_sparsity`: what "sparsity" means wherever one is reported."""

import math

import keras
import numpy as np

from state_of_sparsity.accounting.kernel_values import reader
from state_of_sparsity.surgery.structure import model_kernels


def overall_sparsity(model: keras.Model) -> float:
    """Returns the fraction of zeros over all kernels of a model, dense kernels included.

    A weight is zero if evaluation computes with 0 in its place: it is in the kernels that
    `sos.strip` leaves. So is every weight that is absent from `sos.masks`, and one that is present
    there if its value happens to be exactly 0.

    Args:
        model: a built Keras model, sparse or not.
    """
    size = zeros = 0
    for kernel in model_kernels(model):
        size += math.prod(kernel.shape)
        zeros += math.prod(kernel.shape) - int(np.count_nonzero(reader(kernel)()))
    return zeros / size if size else 0.0
