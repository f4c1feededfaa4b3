"""The warning that frozen layers were made sparse: what they lose cannot be learned again."""

import weakref

from state_of_sparsity.layers.fixed_mask import FixedMask
from state_of_sparsity.user_warnings import warn

_said = weakref.WeakSet()  # sparse layers of which the user was told


def warn_of_frozen(wrappers: dict):
    """Warns, the first time, of sparse layers of which a kernel is frozen.

    A mask that was given is the user's own choice, and passed over.

    Args:
        wrappers: the sparse layers of a model by their paths.
    """
    frozen = {
        path: wrapper
        for path, wrapper in wrappers.items()
        if wrapper.sparse_kernels
        and not all(kernel.variable.trainable for kernel in wrapper.sparse_kernels)
        and not (isinstance(wrapper, FixedMask) or wrapper in _said)
    }
    _said.update(frozen.values())
    if frozen:
        warn(
            f"Frozen layers are sparse: {list(frozen)}. What they lose cannot be learned again. "
            "Leave them dense, with a rule (path, None) before the others, or set "
            "`trainable = True` on them first; where LoRA has frozen a kernel, sparsify before it. "
            "Layers that another model trains may stay as they are."
        )
