"""Warnings that something else uses the layers that are made sparse, and would not know."""

import gc
import weakref

import keras

from state_of_sparsity.surgery.structure import walk
from state_of_sparsity.user_warnings import warn
from state_of_sparsity.wrapping.base import SparseWrapper
from state_of_sparsity.wrapping.keras_internals import (
    all_layers,
    direct_layers,
    inner_graph,
    is_whole,
    tracked_layers,
)

_made_sparse = weakref.WeakSet()  # layers
_rebuilt = weakref.WeakSet()  # models that `sparsify` has made another one of


def warn_of_sharing(model, parts, layers):
    """Warns if layers that were made sparse just now are used by something else.

    Args:
        model: the model that was given.
        parts: the models inside it, as they were before.
        layers: the layers that got a wrapper.
    """
    again = [layer.name for layer in layers if layer in _made_sparse]
    if again:
        warn(
            f"`model` was made sparse before: {_some(again)} of '{model.name}' share their "
            "weights with the earlier sparse model, and what trains one changes the other. To "
            "compare settings, use sos.sparsify(model, rules, copy=True) each time, or build the "
            "model anew."
        )
    ids = {id(layer) for layer in layers}
    others = _other_models(model, parts, ids)
    if others and not again:
        warn(
            f"{_some(others)} hold layers of '{model.name}' that are sparse now, and go on with "
            "the weights that are dropped. Make them again of the sparse model, as in "
            "keras.Model(sparse.input, sparse.get_layer(name).output), or sparsify the model that "
            "holds all the others and use what is inside it."
        )
    _made_sparse.update(layers)
    _rebuilt.update(part for part in (model, *parts) if _holds(part, ids))


def check_not_left_behind(model):
    """Raises a `ValueError` for a plain model of which `sparsify` has made another, sparse one."""
    layers = [layer for _, layer in walk(model)]
    if not any(isinstance(layer, SparseWrapper) for layer in layers):
        names = [layer.name for layer in layers if layer in _made_sparse]
        if names:
            raise ValueError(
                f"`model` must be the sparse model that `sos.sparsify` returned. Received: "
                f"'{model.name}', which has no sparse layers, but the layers {_some(names)} in "
                "common with a sparse model."
            )


def trace_outer_models_anew(changed, on_failure):
    """Drops what models have compiled that hold something that was changed in place.

    Args:
        changed: the models and layers that were changed.
        on_failure: is told, as `(function, *arguments)`, how to take back each change.
    """
    names = ("train_function", "test_function", "predict_function")
    ids = {id(each) for each in changed}
    for outer in _living_models():
        if id(outer) not in ids and any(id(inner) in ids for inner in all_layers(outer)):
            for name in names:
                on_failure(setattr, outer, name, getattr(outer, name))
                setattr(outer, name, None)


def forget(layers):
    """Notes that layers are no longer sparse."""
    for layer in layers:
        _made_sparse.discard(layer)


def replaced(model):
    """Notes that another model was made of this one, which is expected to share its layers."""
    _rebuilt.add(model)


def models_inside(model) -> list:
    """Returns the models that a model holds, the graph inside a Sequential one included."""
    models = [layer for layer in all_layers(model) if isinstance(layer, keras.Model)]
    graphs = [inner_graph(each) for each in models]
    return [each for each in [*models, *graphs] if each is not None and each is not model]


def _other_models(model, parts, layers):
    """Returns the names of living models that use one of the layers without its wrapper."""
    # Models inside the given one were made sparse with it, and their old selves are of no use; but
    # one that was compiled is trained or evaluated by itself.
    known = {id(model), *(id(part) for part in parts if not part.compiled)}

    def found():
        return sorted(
            other.name
            for other in _living_models()
            if id(other) not in known and other not in _rebuilt and _holds(other, layers)
        )

    if not found():
        return []
    # It may be one that nobody holds any more, in a circle of references: then there is no need to
    # warn. Collecting takes a while, so only where there would be a warning.
    gc.collect()
    return found()


def _living_models():
    """Returns the Keras models of this process, but for graphs that Sequential models made."""
    # By type: `isinstance` would ask every object for its class, and proxies (of modules that are
    # imported when used, say) answer strangely.
    objects = gc.get_objects()
    kinds = {kind for kind in set(map(type, objects)) if issubclass(kind, keras.Model)}
    found = [each for each in objects if type(each) in kinds and is_whole(each)]
    inner = {id(graph) for model in found for graph in _graphs_of_its_own(model)}
    return [model for model in found if id(model) not in inner]


def _graphs_of_its_own(model):
    """Returns the graphs that a Sequential model has made: one each time a layer was added."""
    if not isinstance(model, keras.Sequential):
        return []
    layers = {id(layer) for layer in direct_layers(model)}
    return [made for made in tracked_layers(model) if id(made) not in layers]


def _holds(model, layers):
    """Returns whether a model runs one of the layers, given by their ids, without its wrapper."""
    return any(id(layer) in layers for _, layer in walk(model))


def _some(names):
    return f"{names[:5]} and {len(names) - 5} more" if len(names) > 5 else f"{names}"
