"""Whether a layer still holds the variables that a wrapper took for its kernels."""

import keras

from state_of_sparsity.wrapping.keras_internals import BOOKKEEPING, all_layers, own_variables
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel


def holders(kernel: SparseKernel) -> tuple[str, ...]:
    """Returns the attributes of a kernel's owner that hold it, in lists and dicts too."""
    return tuple(
        name
        for name, value in vars(kernel.owner).items()
        if name not in BOOKKEEPING and _holds(value, kernel.variable)
    )


def check_held(wrapper, kernel: SparseKernel, attributes: tuple[str, ...]):
    """Raises an error if a layer has another variable where it had the kernel.

    Args:
        wrapper: the sparse wrapper around the layer.
        kernel: a kernel that it acts on.
        attributes: what `holders` returned of the kernel when the wrapper was built.

    Raises:
        RuntimeError: if the kernel was exchanged.
    """
    owner, variable = kernel.owner, kernel.variable
    if (
        any(inner is owner for inner in all_layers(wrapper.layer))
        and any(other is variable for other in own_variables(owner))
        and _is_still_in(attributes, owner, variable)
    ):
        return
    raise RuntimeError(
        f"The layer '{wrapper.name}' ({type(wrapper.layer).__name__}) no longer holds the variable "
        f"that {type(wrapper).__name__} took for its kernel '{kernel.name}': it was exchanged "
        "after the layer was made sparse, by `quantize`, a second `build` or an assignment. The "
        "sparsity would be lost in silence. Build the sparse model anew; call `sos.strip(model)` "
        "first and quantize, or exchange variables of, the plain copy that it returns."
    )


def _is_still_in(attributes, owner, variable):
    values = [vars(owner).get(name) for name in attributes]
    left = [value for value in values if not _holds(value, variable)]
    # A layer may let go of one of several names for its kernel (a cache, say): only another
    # variable under that name means that the kernel itself was exchanged.
    exchanged = any(isinstance(value, (keras.Variable, list, tuple, dict)) for value in left)
    return not left or (len(left) < len(values) and not exchanged)


def _holds(value, variable):
    if isinstance(value, dict):
        return any(_holds(item, variable) for item in value.values())
    if isinstance(value, (list, tuple)):
        return any(_holds(item, variable) for item in value)
    return value is variable
