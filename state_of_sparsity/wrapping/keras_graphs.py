"""Private names of Keras for running the calls of a graph one by one, each with its reason."""

import inspect

import keras
from keras.src.models.functional import Functional

from state_of_sparsity.wrapping.keras_internals import inner_graph


def runs_its_graph(layer) -> bool:
    """Returns whether a layer is a model that computes what its graph says, and has one.

    A subclass may have a `call` of its own beside a graph; there is no public name to tell.
    """
    own_call = getattr(type(layer), "call", None)
    graph = inner_graph(layer) or layer
    of_keras = own_call in (Functional.call, keras.Sequential.call)
    return of_keras and hasattr(graph, "_nodes_by_depth")


def names_of_inputs(model) -> list[str] | None:
    """Returns the keys of the dictionary that a graph takes, None where it takes none.

    `model.input` has them, but not of every Sequential.
    """
    structure = getattr(inner_graph(model) or model, "_inputs_struct", None)
    return sorted(structure) if isinstance(structure, dict) else None


def calls_in_order(model) -> list:
    """Returns the calls in a graph, each after those it reads; Keras keeps them by depth."""
    by_depth = (inner_graph(model) or model)._nodes_by_depth
    nodes = [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]
    return [node for node in nodes if not node.is_input]


def run_call(node, inputs: list) -> list:
    """Runs one call of a graph as `predict` does, not in training; returns its outputs.

    Args:
        node: the call.
        inputs: what its symbolic inputs stand for, in their order.
    """
    values = dict(zip(map(id, node.input_tensors), inputs, strict=True))
    arguments, keywords = node.arguments.fill_in(values)
    # What a call was made with counts for nothing where a model is told: there is no public name
    # for whether an operation takes it.
    if getattr(node.operation, "_call_has_training_arg", False):
        keywords = {**keywords, "training": False}
    return keras.tree.flatten(node.operation(*arguments, **keywords))


def arguments_of(node) -> dict:
    """Returns what a layer was called with, by the names of its `call`."""
    arguments = node.arguments
    signature = inspect.signature(node.operation.call)
    return dict(signature.bind(*arguments.args, **arguments.kwargs).arguments)


def has_keywords(node) -> bool:
    """Returns whether a call was made with more than its inputs: `training=True`, a constant."""
    told = any(not (value is None or value is False) for value in node.arguments.kwargs.values())
    given = keras.tree.flatten(node.arguments.args)
    return told or len(node.arguments.args) != 1 or len(given) != len(node.input_tensors)


def is_masked(tensor) -> bool:
    """Returns whether a symbolic tensor carries a mask, as after `Embedding(mask_zero=True)`."""
    return getattr(tensor, "_keras_mask", None) is not None
