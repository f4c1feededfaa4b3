"""`sparsify` wraps the layers of a model; `freeze` and `strip` end what the wrappers do."""

import itertools

import keras

from state_of_sparsity.arguments import refuse_class
from state_of_sparsity.layers.fixed_mask import FixedMask
from state_of_sparsity.layers.masked import MaskedWrapper
from state_of_sparsity.surgery.decisions import Decisions
from state_of_sparsity.surgery.frozen import warn_of_frozen
from state_of_sparsity.surgery.plain_copy import plain_copy
from state_of_sparsity.surgery.replacement import Exchange, model_scope
from state_of_sparsity.surgery.sharing import (
    check_not_left_behind,
    forget,
    models_inside,
    replaced,
    trace_outer_models_anew,
    warn_of_sharing,
)
from state_of_sparsity.surgery.structure import check_has_weights, sparse_layers
from state_of_sparsity.surgery.traces import check_calls, forget_traces
from state_of_sparsity.wrapping.base import SparseWrapper
from state_of_sparsity.wrapping.effective_terms import release
from state_of_sparsity.wrapping.tensorflow_tracking import save_wrappers_in_checkpoints
from state_of_sparsity.wrapping.training_mode import forget_training, tell_training


def sparsify(model, rules, *, copy=False, whole_blocks=False):
    """Returns the model with its layers wrapped by a sparsity technique.

    Variables are shared with `model`, trained weights and layer names are kept, and outputs are the
    same until the first update of a schedule; but variational dropout drops a little at once, and
    L0 regularization scales each layer by 0.98, 13 of them by 0.77, unless `initial_keep` is 0.95
    or more. A Sequential or Functional model is rebuilt around the same layers. A subclassed model,
    or a graph whose class has a constructor of its own (all of keras-hub), is changed in place.
    Compile the result (again), and use that: others over its layers go on with what it drops.

    Layers that hold layers are opened, so that rules see those inside. Recurrent layers,
    `Bidirectional` and other wrappers of Keras are taken whole, and so is attention that stands in
    a Sequential or Functional model itself. Class tokens, position and segment embeddings, and
    relative biases are left dense unless a rule or a wrapper's `kernels` names them.

    Args:
        model: a built Keras model: Sequential, Functional, or subclassed, nested as you like.
        rules: what to do with each layer that has a kernel: a callable `layer -> wrapper`, or a
            list of `(regular expression, callable or None)` on the layer's path, of which the
            first match decides. `None` leaves a layer dense, and so does a list that does not
            match. A rule may also spell out the one kernel of a layer as `sos.report` names it.
        copy: whether a copy is made sparse, with weights of its own, so that `model` stays as it
            is and can be made sparse again.
        whole_blocks: whether a layer that holds layers gets one wrapper for all of them, where a
            rule matches it. Only so a graph of such layers can be saved as `.keras` while sparse.

    Returns:
        The sparse model, not compiled.

    Raises:
        ValueError: if the model has no weights yet, a rule matches nothing, or a rule's callable
            returns anything but a wrapper around its layer or `None`. The model is as it was then.

    Example:

    >>> schedule = sos.schedules.PolynomialDecay(0.0, 0.9, begin_step=0, end_step=1000)
    >>> sparse = sos.sparsify(model, lambda layer: sos.MagnitudePruning(layer, schedule))
    >>> sparse = sos.sparsify(
    ...     model,
    ...     [
    ...         ("^head$", None),
    ...         (".*", lambda layer: sos.MagnitudePruning(layer, schedule)),
    ...     ],
    ...     copy=True,
    ... )
    """
    _check_model(model, "sparsify")
    model = _dense_copy(model) if copy else model
    parts = models_inside(model)
    with model_scope(model), Exchange() as exchange:
        _keep_terms(model, exchange)
        wrappers = Decisions(model, rules, whole_blocks).wrappers
        for wrapper in wrappers.values():
            wrapper.build_if_possible()
        check_calls(model, wrappers)
        sparse = exchange.carry_out(model, wrappers)
        _finish(sparse, exchange)
    warn_of_frozen(sparse_layers(sparse))
    warn_of_sharing(model, parts, [wrapper.layer for wrapper in wrappers.values()])
    return sparse


def freeze(model):
    """Returns a sparse model with the masks it has now fixed: it can be compiled and fine-tuned.

    Every wrapper, of any technique, becomes a `FixedMask` around the same layer. As `sparsify`
    does, it rebuilds a graph around the same layers and changes other models in place; use the
    result in place of `model`. The gates of L0 regularization are multiplied into the kernels.

    Args:
        model: a model with sparse layers.

    Raises:
        ValueError: if the model has no sparse layer.

    Example:

    >>> frozen = sos.freeze(sparse)
    >>> frozen.compile("adam", "mse")  # a new optimizer, at step 0
    >>> frozen.fit(x, y)  # needs no UpdateSparsity
    """
    _check_model(model, "freeze")
    wrappers = _wrappers(model, "freeze")
    moving = [wrapper for wrapper in wrappers if not isinstance(wrapper, FixedMask)]
    kernels = [(wrapper, kernel) for wrapper in moving for kernel in wrapper.sparse_kernels]
    values = [
        (kernel.variable, wrapper.evaluation_kernel(kernel))
        for wrapper, kernel in kernels
        if not isinstance(wrapper, MaskedWrapper)
    ]
    with model_scope(model), Exchange() as exchange:
        _keep_terms(model, exchange)
        frozen = exchange.carry_out(model, {id(wrapper): _fixed(wrapper) for wrapper in moving})
        _finish(frozen, exchange)
    for variable, value in values:
        variable.assign(value)
    replaced(model)
    return frozen


def strip(model, *, in_place=False):
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
    _check_model(model, "strip")
    if not in_place:
        check_not_left_behind(model)
        return plain_copy(model)
    wrappers = _wrappers(model, "strip")
    values = [
        (kernel.variable, wrapper.evaluation_kernel(kernel))
        for wrapper in wrappers
        for kernel in wrapper.sparse_kernels
    ]
    with model_scope(model), Exchange() as exchange:
        plain = exchange.carry_out(model, {id(wrapper): wrapper.layer for wrapper in wrappers})
        _finish(plain, exchange)
    for variable, value in values:
        variable.assign(value)
        release(variable)
    forget(wrapper.layer for wrapper in wrappers)
    return plain


def write_zeros(model):
    """Writes what `strip` would write into the kernels of a sparse model itself.

    The model stays sparse and predicts the same. Other models over the same layers, such as the
    one that was given to `sparsify`, compute with the zeros from then on.

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
    _check_model(model, "write_zeros")
    for wrapper in _wrappers(model, "write_zeros"):
        for kernel in wrapper.sparse_kernels:
            wrapper.write_zeros(kernel)


def _check_model(model, verb):
    refuse_class("model", model, "the model itself, as in model = Net()")
    if not isinstance(model, keras.Model):
        raise ValueError(
            f"`model` must be a Keras model. Received: {model!r} (of type "
            f"{type(model).__name__}). A single layer is wrapped directly, as in "
            "sos.MagnitudePruning(layer, schedule)."
        )
    check_has_weights(model, f"`sos.{verb}`")


def _wrappers(model, verb):
    wrappers = list(sparse_layers(model).values())
    if not wrappers:
        raise ValueError(
            f"`model` must have sparse layers for `sos.{verb}`. Received: '{model.name}', which "
            "has none. Give it the model that `sos.sparsify` returned."
        )
    for wrapper in wrappers:
        wrapper.check_kernels()
    return wrappers


def _dense_copy(model):
    sparse = list(sparse_layers(model))
    if sparse:
        raise ValueError(
            f"`copy=True` needs a model without sparse layers. Received: '{model.name}', in which "
            f"{sparse} are sparse. Copy a plain one: sos.strip(model)."
        )
    return plain_copy(model)


def _fixed(wrapper):
    masks = {kernel.name: wrapper.present(kernel) for kernel in wrapper.sparse_kernels}
    return FixedMask(
        wrapper.layer,
        masks,
        kernels=wrapper.kernel_names,
        name=wrapper.name,
        trainable=wrapper.trainable,
    )


def _finish(model, exchange):
    """Tells a model with other layers what it has to know of them."""
    if exchange.changed_in_place:
        forget_traces(model)
        trace_outer_models_anew(exchange.changed_in_place, exchange.on_failure)
    inside = ((each, layer) for each in exchange.changed_in_place for layer in each._layers)
    found = (pair for pair in inside if isinstance(pair[1], SparseWrapper))
    for holder, wrapper in itertools.islice(found, 1):  # one of them speaks for all
        wrapper.placed_in = type(holder)
    wrappers = sparse_layers(model)
    save_wrappers_in_checkpoints(model, wrappers)
    (tell_training if wrappers else forget_training)(model)


def _keep_terms(model, exchange):
    """Sees to it that a failure leaves the regularizers and constraints of weights in place.

    A wrapper that is built takes charge of its kernels' own.
    """

    def restore(terms):
        for variable, regularizer, constraint in terms:
            variable.regularizer, variable.constraint = regularizer, constraint

    exchange.on_failure(restore, [(v, v.regularizer, v.constraint) for v in model.weights])
