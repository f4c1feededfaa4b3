"""`variables_by_path`: every variable of a model by the names of the layers that lead to it."""

import keras

from state_of_sparsity.layers.masked import MaskedWrapper
from state_of_sparsity.surgery.structure import check_is_model, walk
from state_of_sparsity.wrapping.base import SparseWrapper
from state_of_sparsity.wrapping.kernels import own_variables_by_name


def variables_by_path(
    model: keras.layers.Layer,
) -> tuple[dict[str, keras.Variable], dict[str, keras.Variable]]:
    """Returns the variables of a model's layers, and those its techniques keep beside kernels.

    A path is the same in a dense model, a sparse one and one that was saved: a wrapper stands for
    its layer. Masks are left out, which `sos.masks` has, and so are seeds, which no layer has.
    A variable that several layers hold is named by the first of them.

    Args:
        model: a built Keras model.

    Returns:
        `(weights, technique)`: `{path: variable}` each, such as `block/dense/bias` and
        `block/dense/log_sigma2`.

    Example:

    >>> weights, technique = variables_by_path(model)
    >>> list(weights)
    ['hidden/kernel', 'hidden/bias', 'head/kernel', 'head/bias']
    """
    check_is_model(model)
    weights, technique, seen = {}, {}, set()
    own = [("", model)] if isinstance(model, SparseWrapper) else [("", model), *walk(model)]
    for path, layer in own:
        prefix = f"{path}/" if path else ""
        if isinstance(layer, SparseWrapper):
            if not isinstance(layer, MaskedWrapper):
                _add(technique, layer, prefix, seen)
            _add(weights, layer.layer, prefix, seen)
            for inside, inner in walk(layer.layer):
                _add(weights, inner, f"{prefix}{inside}/", seen)
        else:
            _add(weights, layer, prefix, seen)
    return weights, technique


def _add(found, layer, prefix, seen):
    for name, variable in own_variables_by_name(layer).items():
        if id(variable) not in seen:
            seen.add(id(variable))
            found[prefix + name] = variable
