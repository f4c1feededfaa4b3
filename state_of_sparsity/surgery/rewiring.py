"""Other layers in the graph of a Functional or Sequential model, which stays the same object."""

import keras
from keras.src.models.functional import functional_like_constructor
from keras.src.ops.function import map_graph
from keras.src.utils.tracking import DotNotTrackScope


def remakes(kind) -> bool:
    """Returns whether Keras makes a graph anew as one of the class `kind`, not as a plain model.

    It does not where the class has a constructor of its own, as all models of keras-hub have.
    """
    return kind is keras.Sequential or (
        not issubclass(kind, keras.Sequential) and functional_like_constructor(kind)
    )


def rewire(model, new, found, on_failure):
    """Puts other layers into the nodes of a model's graph; does nothing to other models.

    All models that share the nodes run the new layers from then on.

    Args:
        model: a model, or a layer with layers inside.
        new: `{id of a layer: the layer that takes its place}`.
        found: the ids of the layers that were in the graph are added to it.
        on_failure: is told, as `(function, *arguments)`, how to take back each change.
    """
    if isinstance(model, keras.Sequential):
        found.update(id(layer) for layer in model._layers if id(layer) in new)
    if not hasattr(model, "_run_through_graph"):
        return
    for old in [operation for operation in model._operations if id(operation) in new]:
        found.add(id(old))
        on_failure(_move_nodes, new[id(old)], old)
        _move_nodes(old, new[id(old)])
    names = ("_nodes", "_nodes_by_depth", "_operations", "_operations_by_depth")
    on_failure(_set, model, {name: vars(model)[name] for name in names})
    _set(model, dict(zip(names, map_graph(model._inputs, model._outputs), strict=True)))


def operations_of(model) -> list:
    """Returns the layers and operations of a graph."""
    graph = getattr(model, "_functional", None) or model
    return getattr(graph, "operations", model._layers)


def keep_nodes(operations, on_failure):
    """Notes where operations were called: whoever makes another graph of them calls them again."""
    for operation in operations:
        for nodes in (operation._inbound_nodes, operation._outbound_nodes):
            on_failure(nodes.__setitem__, slice(None), list(nodes))


def rebuild_sequential(model, on_failure):
    """Makes the graph of a Sequential model anew, of the layers that it has now."""
    keep_nodes(operations_of(model), on_failure)
    on_failure(_set, model, {"_functional": model._functional, "built": model.built})
    if model._functional is not None:
        model._functional = None
        model.build(model._layers[0].batch_shape)


def _move_nodes(old, new):
    """Makes `new` the operation of every call of `old` in a graph."""
    # A layer shared between models has moved with the first of them: then there is nothing left.
    for nodes, others in (
        (old._inbound_nodes, new._inbound_nodes),
        (old._outbound_nodes, new._outbound_nodes),
    ):
        others.extend(nodes)
        nodes.clear()
    for index, node in enumerate(new._inbound_nodes):
        node.operation = new
        for position, tensor in enumerate(node.output_tensors):
            tensor._keras_history = type(tensor._keras_history)(new, index, position)


def _set(model, attributes):
    with DotNotTrackScope():
        for name, value in attributes.items():
            setattr(model, name, value)
