"""`strip` and `write_zeros`: the zeros of a sparse model written into plain kernels."""

import keras

from state_of_sparsity.surgery.finish_exchange import finish_exchange
from state_of_sparsity.surgery.model_check import check_model, checked_wrappers
from state_of_sparsity.surgery.plain_copy import plain_copy
from state_of_sparsity.surgery.replacement import Exchange, model_scope
from state_of_sparsity.surgery.sharing import check_not_left_behind, forget
from state_of_sparsity.wrapping.effective_terms import release


def strip(model: keras.Model, *, in_place: bool = False) -> keras.Model:
    """Returns a plain model that predicts what a sparse one does, zeros written into its kernels.

    It holds no layer of this package, and can be saved and loaded without it. By default it is a
    copy, and the sparse model stays as it is. Compile it before `evaluate`. A copy belongs to the
    distribution strategy, if any, in whose scope `strip` is called.

    Args:
        model: a model with sparse layers, of any technique.
        in_place: whether the sparse model itself is given up: no weight is copied, and zeros are
            written into the layers that it wrapped. A graph is rebuilt around them as `sparsify`
            does; a subclassed model, or one of keras-hub, is changed and returned.

    Raises:
        ValueError: if the model has no weights yet, or it is to be copied and a class in it cannot
            be made anew from its `get_config`.

    Example:

    >>> sos.strip(sparse).save("model.keras")
    """
    check_model(model, "strip")
    if not in_place:
        check_not_left_behind(model)
        return plain_copy(model)
    wrappers = checked_wrappers(model, "strip")
    values = [
        (kernel.variable, kernel.values())
        for wrapper in wrappers
        for kernel in wrapper.sparse_kernels
    ]
    with model_scope(model), Exchange() as exchange:
        plain = exchange.carry_out(model, {id(wrapper): wrapper.layer for wrapper in wrappers})
        finish_exchange(plain, exchange)
    for variable, value in values:
        release(variable)
        variable.assign(value)
    forget(wrapper.layer for wrapper in wrappers)
    return plain


def write_zeros(model: keras.Model) -> None:
    """Writes what `strip` would write into the kernels of a sparse model itself.

    The model stays sparse and predicts the same. Other models over the same layers, such as the
    one that was given to `sparsify`, compute with the zeros from then on. (Where kernels hold
    powers of weights, `sos.Powerpropagation`, they do not: use `sos.strip`.)

    Args:
        model: a model with sparse layers, of any technique.

    Raises:
        ValueError: if the model has no sparse layer.

    Example:

    >>> sparse = sos.sparsify(model, rules)
    >>> sparse.compile("adam", "mse")
    >>> sparse.fit(x, y, callbacks=[sos.UpdateSparsity()])
    >>> sos.write_zeros(sparse)
    >>> model.save("model.keras")  # the plain model that was made sparse
    """
    check_model(model, "write_zeros")
    for wrapper in checked_wrappers(model, "write_zeros"):
        for kernel in wrapper.sparse_kernels:
            wrapper.write_zeros(kernel)
