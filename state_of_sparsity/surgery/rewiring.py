"""Changing the graph of a Functional or Sequential model in place: other layers in its nodes."""

import keras

from state_of_sparsity.wrapping.keras_internals import (
    calls_of,
    direct_layers,
    graph_record,
    graph_record_anew,
    has_functional_constructor,
    inner_graph,
    make_inner_graph_anew,
    set_graph_record,
    set_operation_of,
)


def remakes(kind) -> bool:
    """Returns whether Keras makes a graph anew as one of the class `kind`, not as a plain model.

    It does not where the class has a constructor of its own, as all models of keras-hub have.
    """
    return kind is keras.Sequential or (
        not issubclass(kind, keras.Sequential) and has_functional_constructor(kind)
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
        found.update(id(layer) for layer in direct_layers(model) if id(layer) in new)
    if not isinstance(model, keras.Function):
        return
    for old in [operation for operation in model.operations if id(operation) in new]:
        found.add(id(old))
        on_failure(_move_nodes, new[id(old)], old)
        _move_nodes(old, new[id(old)])
    on_failure(set_graph_record, model, graph_record(model))
    set_graph_record(model, graph_record_anew(model))


def operations_of(model) -> list:
    """Returns the layers and operations of a graph."""
    graph = inner_graph(model) or model
    return graph.operations if isinstance(graph, keras.Function) else direct_layers(model)


def keep_nodes(operations, on_failure):
    """Has a failure bring back the calls that layers have on record.

    To make another graph of them calls them again, and adds to those lists.
    """
    for operation in operations:
        for nodes in calls_of(operation):
            on_failure(nodes.__setitem__, slice(None), list(nodes))


def rebuild_sequential(model, on_failure):
    """Makes the graph of a Sequential model anew, of the layers that it has now."""
    keep_nodes(operations_of(model), on_failure)
    on_failure(set_graph_record, model, graph_record(model))
    make_inner_graph_anew(model)


def _move_nodes(old, new):
    """Makes `new` the operation of every call of `old` in a graph."""
    # A layer that several models share was moved with the first of them: its lists are empty then.
    for nodes, others in zip(calls_of(old), calls_of(new), strict=True):
        others.extend(nodes)
        nodes.clear()
    for index, node in enumerate(calls_of(new)[0]):
        node.operation = new
        for position, tensor in enumerate(node.output_tensors):
            set_operation_of(tensor, new, index, position)
