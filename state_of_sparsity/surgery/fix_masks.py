"""`fix_masks`: masks that are given, by the paths of kernels, fixed in a dense model."""

from collections.abc import Mapping

import keras
import numpy.typing as npt

from state_of_sparsity.layers.fixed_mask import FixedMask
from state_of_sparsity.surgery.model_check import check_model
from state_of_sparsity.surgery.sparsify import sparsify
from state_of_sparsity.surgery.structure import model_kernels
from state_of_sparsity.wrapping.kernels import find_kernels


def fix_masks(model: keras.Model, masks: Mapping[str, npt.ArrayLike]) -> keras.Model:
    """Returns a dense model with fixed masks on the kernels that are named: a lottery ticket.

    As `sparsify` does, it rebuilds a graph around the same layers and changes other models in
    place; weights are kept. Kernels that are not named stay dense.

    Args:
        model: a built Keras model without sparse layers.
        masks: `{kernel path: array}`, as `sos.masks` returns: true or non-zero where a weight
            stays. The paths are those of `sos.masks`, and do not change from one model to another
            that is built alike.

    Raises:
        ValueError: if a path names no kernel, or a mask has another shape than its kernel. The
            model is as it was then.

    Example:

    >>> schedule = sos.schedules.ConstantSparsity(0.5, begin_step=0)
    >>> sparse = sos.sparsify(model, lambda layer: sos.MagnitudePruning(layer, schedule), copy=True)
    >>> ticket = sos.fix_masks(model, sos.masks(sparse))  # the first weights, the masks found

    Reference: Frankle and Carbin, "The Lottery Ticket Hypothesis", 2019, section 1.
    """
    check_model(model, "fix_masks")
    kernels = model_kernels(model)
    paths = {id(kernel.variable): kernel.path for kernel in kernels}
    unknown = sorted(set(masks) - set(paths.values()))
    if unknown or not masks:
        raise ValueError(
            f"`masks` must name kernels of '{model.name}', which are {list(paths.values())}. "
            f"Received: {unknown or 'no mask'}."
        )

    def fixed(layer):
        found = {k.name: paths.get(id(k.variable)) for k in find_kernels(layer)}
        named = {name: masks[path] for name, path in found.items() if path in masks}
        return FixedMask(layer, named, kernels=tuple(named)) if named else None

    sparse = sparsify(model, fixed)
    left = set(masks) - {kernel.path for kernel in model_kernels(sparse) if kernel.wrapper}
    if left:
        raise ValueError(
            f"`masks` must be of kernels that a rule for all layers makes sparse. Received: "
            f"{sorted(left)}. Give those by `sos.sparsify(model, [(path, lambda layer: "
            "sos.FixedMask(layer, mask))])`."
        )
    return sparse
