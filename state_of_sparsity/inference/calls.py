"""`flat_calls`: the calls of a graph, with those of graphs inside it in their place."""

import dataclasses
from typing import Any

from state_of_sparsity.wrapping.keras_graphs import (
    calls_in_order,
    has_keywords,
    run_call,
    runs_its_graph,
)


@dataclasses.dataclass(eq=False)
class Value:
    """What a call reads or makes; a model that is called twice makes two of each.

    Args:
        shape: with that of the batch, which is not read.
    """

    shape: tuple


@dataclasses.dataclass(eq=False)
class Call:
    """A call of a layer or operation.

    Args:
        operation: the layer or operation.
        inputs: the values that it reads.
        outputs: those that it makes.
        node: Keras's record of it; None for one on its inputs alone that Keras has no record of, as
            it is inside another layer's.
        name: of the operation, for people.
    """

    operation: Any
    inputs: list[Value]
    outputs: list[Value]
    node: object = None
    name: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether it was called on its inputs alone, and makes one output."""
        alone = self.node is None or not has_keywords(self.node)
        return alone and len(self.outputs) == 1

    def run(self, values: dict):
        """Has Keras compute outputs; `values` has tensors or arrays by `Value`."""
        inputs = [values[value] for value in self.inputs]
        outputs = [self.operation(*inputs)] if self.node is None else run_call(self.node, inputs)
        values.update(zip(self.outputs, outputs, strict=True))


def _can_be_opened(inner, node):
    """Returns whether a call is of a model, on its one input, which needs no other type."""
    if not runs_its_graph(inner) or has_keywords(node):
        return False
    return [tensor.dtype for tensor in inner.inputs] == [node.input_tensors[0].dtype]


def flat_calls(model, inputs: list[Value]) -> tuple[list[Call], list[Value]]:
    """Returns the calls of a model in order, and its outputs.

    Args:
        model: a graph of layers.
        inputs: in the order of the model's.
    """
    values = dict(zip(map(id, model.inputs), inputs, strict=True))
    calls = []
    for node in calls_in_order(model):
        read = [values[id(tensor)] for tensor in node.input_tensors]
        inner = node.operation
        if _can_be_opened(inner, node):
            inside, made = flat_calls(inner, read)
            calls += inside
        else:
            made = [Value(tuple(tensor.shape)) for tensor in node.output_tensors]
            calls.append(Call(inner, read, made, node, inner.name))
        values.update(zip(map(id, node.output_tensors), made, strict=True))
    return calls, [values[id(tensor)] for tensor in model.outputs]
