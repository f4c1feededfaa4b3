"""`fix_masks`: masks that are given, by the paths of kernels, fixed in a dense model."""

import re
from collections.abc import Mapping

import keras
import numpy as np
import numpy.typing as npt

from state_of_sparsity.layers.fixed_mask import FixedMask
from state_of_sparsity.surgery.model_check import check_model
from state_of_sparsity.surgery.sparsify import sparsify
from state_of_sparsity.surgery.structure import model_kernels, sparse_layers
from state_of_sparsity.user_warnings import warn
from state_of_sparsity.wrapping.additive_tables import attributes_that_hold, is_additive_table
from state_of_sparsity.wrapping.kernels import find_kernels
from state_of_sparsity.wrapping.quantized_kernels import QuantizedKernel


def fix_masks(model: keras.Model, masks: Mapping[str, npt.ArrayLike]) -> keras.Model:
    """Returns a dense model with fixed masks on the kernels that are named: a lottery ticket.

    Layers compute with `where(mask, kernel, 0)`; the mask never changes. As `sparsify` does, this
    rebuilds a graph around the same layers and changes other models in place; weights are kept.
    Kernels that are not named stay dense. A mask that leaves no weight of its kernel is warned of.

    Args:
        model: a built Keras model without sparse layers.
        masks: `{kernel path: array}` of the kernels' shapes, as `sos.masks` returns: true or
            non-zero where a weight stays. The paths are those of `sos.masks` and `sos.report`, and
            do not change from one model to another that is built alike. (They have the names of
            layers: give those names, since Keras numbers the others by what was made before.)

    Returns:
        The model with the masks, not compiled.

    Raises:
        ValueError: if the model has sparse layers or no weights, a path names no kernel of a layer,
            or a mask holds NaN or has another shape than its kernel. The model is as it was then.

    Example:

    >>> schedule = sos.schedules.ConstantSparsity(0.5, begin_step=0)
    >>> sparse = sos.sparsify(model, lambda layer: sos.MagnitudePruning(layer, schedule), copy=True)
    >>> ticket = sos.fix_masks(model, sos.masks(sparse))  # the first weights, the masks found

    Reference: Frankle and Carbin, "The Lottery Ticket Hypothesis", 2019, section 1.
    """
    check_model(model, "fix_masks")
    kernels = {kernel.path: kernel for kernel in model_kernels(model) if _can_be(kernel, model)}
    _check(model, masks, kernels)
    paths = {id(kernel.variable): path for path, kernel in kernels.items()}

    def fixed(layer):
        found = {k.name: paths.get(id(k.variable)) for k in find_kernels(layer)}
        named = {name: masks[path] for name, path in found.items() if path in masks}
        return FixedMask(layer, named, kernels=tuple(named)) if named else None

    named = [kernels[path] for path in masks]
    tables = _tables(model, named)
    rules = [(f"^{re.escape(path)}$", fixed) for path in sorted(_outermost(tables))]
    sparse = sparsify(model, rules if len(tables) == len(named) else [*rules, ("", fixed)])
    left = set(masks) - {kernel.path for kernel in model_kernels(sparse) if kernel.wrapper}
    if left:
        raise ValueError(
            "`masks` must be of kernels that `sos.sparsify` can make sparse. Received: "
            f"{sorted(left)}."
        )
    empty = [path for path, mask in masks.items() if not np.any(mask)]
    if empty:
        warn(f"`masks` leave no weight of {empty}: nothing passes such a kernel.")
    return sparse


def _can_be(kernel, model):
    return kernel.owner is not model and not isinstance(kernel, QuantizedKernel)


def _check(model, masks, kernels):
    if not isinstance(masks, Mapping):
        raise ValueError(
            "`masks` must be a dict {kernel path: array}, as sos.masks returns. Received: an "
            f"object of type {type(masks).__name__}."
        )
    sparse = list(sparse_layers(model))
    if sparse:
        raise ValueError(
            f"`model` must have no sparse layers. Received: '{model.name}', in which {sparse} are "
            "sparse. Take a plain one, sos.strip(model); for the present masks sos.freeze(model)."
        )
    unknown = sorted(map(str, set(masks) - set(kernels)))
    if unknown or not masks:
        raise ValueError(
            f"`masks` must name kernels of '{model.name}', which are {list(kernels)}. "
            f"Received: {unknown or 'no mask'}."
        )


def _tables(model, kernels):
    """Returns the paths of the layers that hold position embeddings and the like, one a kernel.

    A rule for all layers leaves them dense; one that names them does not.
    """
    held_as = attributes_that_hold(model)
    tables = [k for k in kernels if is_additive_table(k, held_as.get(id(k.owner), ()))]
    return [table.path.rpartition("/")[0] for table in tables]


def _outermost(paths):
    """Returns the paths that are inside no other: a layer that is named is taken whole."""
    return {p for p in paths if not any(p.startswith(f"{other}/") for other in paths)}
