"""`freeze`: the masks that a sparse model has now, fixed."""

import keras

from state_of_sparsity.layers.fixed_mask import FixedMask
from state_of_sparsity.layers.masked import MaskedWrapper
from state_of_sparsity.surgery.finish_exchange import finish_exchange
from state_of_sparsity.surgery.model_check import check_model, checked_wrappers
from state_of_sparsity.surgery.replacement import Exchange, model_scope
from state_of_sparsity.surgery.sharing import replaced
from state_of_sparsity.wrapping.effective_terms import keep_terms


def freeze(model: keras.Model) -> keras.Model:
    """Returns a sparse model with the masks it has now fixed: it can be compiled and fine-tuned.

    Every wrapper, of any technique, becomes a `FixedMask` around the same layer. As `sparsify`
    does, it rebuilds a graph around the same layers and changes other models in place; use the
    result in place of `model`. The gates of L0 regularization are multiplied into the kernels,
    which hold weights themselves where they held powers (`sos.Powerpropagation`).

    Args:
        model: a model with sparse layers.

    Raises:
        ValueError: if the model has no sparse layer.

    Example:

    >>> frozen = sos.freeze(sparse)
    >>> frozen.compile("adam", "mse")  # a new optimizer, at step 0
    >>> frozen.fit(x, y)  # needs no UpdateSparsity
    """
    check_model(model, "freeze")
    wrappers = checked_wrappers(model, "freeze")
    moving = [wrapper for wrapper in wrappers if not isinstance(wrapper, FixedMask)]
    values = [
        (kernel.variable, kernel.values())
        for wrapper in moving
        for kernel in wrapper.sparse_kernels
        if not isinstance(wrapper, MaskedWrapper)
    ]
    with model_scope(model), Exchange() as exchange:
        keep_terms(model.weights, exchange.on_failure)
        frozen = exchange.carry_out(model, {id(wrapper): _fixed(wrapper) for wrapper in moving})
        finish_exchange(frozen, exchange)
    for variable, value in values:
        variable.assign(value)
    replaced(model)
    return frozen


def _fixed(wrapper):
    masks = {kernel.name: kernel.mask() for kernel in wrapper.sparse_kernels}
    return FixedMask(
        wrapper.layer,
        masks,
        kernels=tuple(masks) or wrapper._kernel_names,
        pattern=getattr(wrapper, "pattern", None),
        name=wrapper.name,
        trainable=wrapper.trainable,
    )
