"""`KerasCalls`: the step of what is left to Keras, calls of a graph as one function of arrays."""

import collections

import keras

from state_of_sparsity.inference.calls import Call, Value
from state_of_sparsity.inference.steps import Bound, Step


class KerasCalls(Step):
    """Calls of layers and operations by Keras itself, one after the other.

    Args:
        readers: how many read each value of the model, the model's outputs included.
    """

    def __init__(self, readers: dict[Value, int]):
        self.calls: list[Call] = []
        self._readers, self._run = readers, None

    @property
    def reads(self):
        """The values that none of the calls makes."""
        made = {value for call in self.calls for value in call.outputs}
        read = dict.fromkeys(value for call in self.calls for value in call.inputs)
        return [value for value in read if value not in made]

    @property
    def writes(self):
        """The values that somebody else reads."""
        inside = collections.Counter(value for call in self.calls for value in call.inputs)
        made = [value for call in self.calls for value in call.outputs]
        return [value for value in made if self._readers.get(value, 0) > inside[value]]

    def bind(self, memory):
        values, reads, writes = memory.values, self.reads, self.writes
        if self._run is None:
            self._run = _Run(self.calls, reads, writes)

        def call():
            made = self._run.predict_on_batch([values[value] for value in reads])
            values.update(zip(writes, made, strict=True))

        return Bound(call=call)


class _Run(keras.Model):
    """Computes some values of a graph from others, compiled as `predict` is.

    It is no part of the model whose layers it calls, which has no record of these calls.

    Args:
        calls: in order.
        reads: the values that are given.
        makes: those that are wanted.
    """

    def __init__(self, calls: list[Call], reads: list[Value], makes: list[Value]):
        super().__init__(name="left_to_keras", autocast=False)  # a graph casts where its layers do
        self._order = _Untracked(calls, reads, makes)
        operations = dict.fromkeys(call.operation for call in calls)
        self.parts = [each for each in operations if isinstance(each, keras.Layer)]
        self.built = True
        if keras.backend.backend() == "tensorflow":
            self.jit_compile = False  # as its own kernels are faster on a processor than XLA's

    def call(self, arrays):
        """Returns the wanted values in a list."""
        order = self._order
        values = dict(zip(order.reads, arrays, strict=True))
        for each in order.calls:
            each.run(values)
        return [values[value] for value in order.makes]


class _Untracked:
    """What Keras is not to look into for layers."""

    def __init__(self, calls, reads, makes):
        self.calls, self.reads, self.makes = calls, reads, makes
