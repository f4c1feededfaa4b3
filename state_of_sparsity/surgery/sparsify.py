"""`sparsify`: wraps the layers of a model, each by the technique that a rule gives it."""

import keras

from state_of_sparsity.surgery.decisions import Decisions
from state_of_sparsity.surgery.finish_exchange import finish_exchange
from state_of_sparsity.surgery.frozen import warn_of_frozen
from state_of_sparsity.surgery.model_check import check_model
from state_of_sparsity.surgery.plain_copy import plain_copy
from state_of_sparsity.surgery.replacement import Exchange, model_scope
from state_of_sparsity.surgery.rules import RulesLike
from state_of_sparsity.surgery.sharing import models_inside, warn_of_sharing
from state_of_sparsity.surgery.structure import sparse_layers
from state_of_sparsity.surgery.traces import check_calls
from state_of_sparsity.wrapping.effective_terms import keep_terms


def sparsify(
    model: keras.Model, rules: RulesLike, *, copy: bool = False, whole_blocks: bool = False
) -> keras.Model:
    """Returns the model with its layers wrapped by a sparsity technique, not compiled.

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
    check_model(model, "sparsify")
    model = _dense_copy(model) if copy else model
    parts = models_inside(model)
    with model_scope(model), Exchange() as exchange:
        keep_terms(model.weights, exchange.on_failure)
        wrappers = Decisions(model, rules, whole_blocks).wrappers
        for wrapper in wrappers.values():
            wrapper.build_if_possible()
        check_calls(model, wrappers)
        sparse = exchange.carry_out(model, wrappers)
        finish_exchange(sparse, exchange)
    warn_of_frozen(sparse_layers(sparse))
    warn_of_sharing(model, parts, [wrapper.layer for wrapper in wrappers.values()])
    return sparse


def _dense_copy(model):
    sparse = list(sparse_layers(model))
    if sparse:
        raise ValueError(
            f"`copy=True` needs a model without sparse layers. Received: '{model.name}', in which "
            f"{sparse} are sparse. Copy a plain one: sos.strip(model)."
        )
    return plain_copy(model)
