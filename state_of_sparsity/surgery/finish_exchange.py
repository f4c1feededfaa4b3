"""What is left to do when the layers of a model were exchanged: others have to know."""

import collections
import itertools

from state_of_sparsity.surgery.sharing import trace_outer_models_anew
from state_of_sparsity.surgery.structure import sparse_layers
from state_of_sparsity.surgery.traces import forget_traces
from state_of_sparsity.wrapping.base import SparseWrapper
from state_of_sparsity.wrapping.keras_internals import direct_layers
from state_of_sparsity.wrapping.keras_variables import set_path
from state_of_sparsity.wrapping.tensorflow_tracking import save_wrappers_in_checkpoints
from state_of_sparsity.wrapping.training_mode import forget_training, tell_training


def finish_exchange(model, exchange):
    """Tells a model whose layers were exchanged, and the models around it, what follows for them.

    Compiled functions are traced anew, a wrapper learns whether a file can hold it, TensorFlow's
    checkpoints learn of masks and gates, and Keras tells sparse layers whether they train.

    Args:
        model: the model after `exchange`.
        exchange: the `Exchange`, not yet left: what is done here is taken back with it.
    """
    if exchange.changed_in_place:
        forget_traces(model)
        trace_outer_models_anew(exchange.changed_in_place, exchange.on_failure)
    inside = ((each, layer) for each in exchange.changed_in_place for layer in direct_layers(each))
    found = (pair for pair in inside if isinstance(pair[1], SparseWrapper))
    for holder, wrapper in itertools.islice(found, 1):  # one of them speaks for all
        wrapper._placed_in = type(holder)
    wrappers = sparse_layers(model)
    _tell_paths_apart(wrappers)
    save_wrappers_in_checkpoints(model, wrappers)
    (tell_training if wrappers else forget_training)(model)


def _tell_paths_apart(wrappers):
    """Names states by the whole way to their kernels where those share a path.

    Kernels of models that were made one by one and nested then do: Keras names them once.
    """
    states = [
        (path, name, state)
        for path, wrapper in wrappers.items()
        for name, beside in wrapper.beside.items()
        for state in beside.values()
    ]
    count = collections.Counter(state.path for _, _, state in states)
    for path, name, state in states:
        if count[state.path] > 1:
            set_path(state, f"{path}/{name}_{state.name}")
