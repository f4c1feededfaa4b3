"""`Runner`: what `compile` returns, a function from a batch to a model's outputs."""

import concurrent.futures
import threading

import keras
import numpy as np

from state_of_sparsity.inference.program import Program
from state_of_sparsity.inference.steps import as_array
from state_of_sparsity.tables import aligned


class Runner:
    """Computes a model's outputs with sparse products; made by `sos.inference.compile`.

    `print(runner)` shows each layer with weights, and what was measured of it. Buffers of the last
    batch size are kept; another one takes others.

    Attributes:
        threads: how many compute.
        batch_size: of the batches that were measured.
        whole: seconds that the whole model took with so many threads, and by Keras; which is
            chosen has the least. Empty where nothing was measured.

    Call arguments:
        inputs: what the model takes: an array `(batch, ...)`, a list of them in the order of
            `model.inputs`, or a dictionary by the names of these.

    Returns:
        An array, or a list in the order of `model.outputs` if there are several, whatever structure
        the model returns them in.
    """

    def __init__(self, model, inputs, steps, outputs, choices, threads, by_keras=None):
        self._names = [tensor.name for tensor in model.inputs]
        self._types = [tensor.dtype for tensor in model.inputs]
        self._shapes = [tuple(tensor.shape[1:]) for tensor in model.inputs]
        self._inputs, self._outputs = inputs, outputs
        self._steps, self._choices, self._by_keras = steps, choices, by_keras
        self._program, self.threads = None, threads
        self.whole, self.batch_size = {}, None
        self._helpers = concurrent.futures.ThreadPoolExecutor(max(1, threads - 1))
        self._one_at_a_time = threading.Lock()  # as buffers are for one batch

    def __call__(self, inputs):
        arrays = self._arrays(inputs)
        with self._one_at_a_time:
            outputs = self._run(arrays)
        return outputs if len(self._outputs) > 1 else outputs[0]

    def _run(self, arrays):
        if self._by_keras is not None:
            outputs = self._by_keras.predict_on_batch(arrays if len(arrays) > 1 else arrays[0])
            outputs = keras.tree.flatten(outputs)
        else:
            images, program = len(arrays[0]), self._program
            if program is None or program.memory.images != images:
                self._program = None  # its buffers are not needed while the next are made
                program = Program(
                    *(self._steps, self._inputs, self._outputs, images),
                    *(self._helpers, self.threads),
                )
                self._program = program
            outputs = program(arrays)
        return [_own(as_array(output), arrays) for output in outputs]

    def _arrays(self, inputs):
        """Returns inputs as a list of arrays in the order of the model's.

        Raises:
            ValueError: if they are not what the model takes.
        """
        if isinstance(inputs, dict):
            if set(inputs) != set(self._names):
                raise ValueError(
                    f"`inputs` must have the names {self._names}. Received: {sorted(inputs)}."
                )
            inputs = [inputs[name] for name in self._names]
        elif not isinstance(inputs, (list, tuple)):
            inputs = [inputs]
        arrays = [as_array(each) for each in inputs]
        if len(arrays) == len(self._types):  # as Keras does, before anything is computed
            arrays = [a.astype(t, copy=False) for a, t in zip(arrays, self._types, strict=True)]
        shapes = [array.shape for array in arrays]
        wrong = [shape[1:] for shape in shapes] != self._shapes or len({s[:1] for s in shapes}) != 1
        if wrong or shapes[0][0] == 0:
            wanted = ", ".join(str(("batch", *shape)) for shape in self._shapes)
            raise ValueError(f"`inputs` must be of the shape {wanted}. Received: {shapes}.")
        return arrays

    def __str__(self):
        rows = [("layer", "sparsity", "sparse ms", "Keras ms", "by")]
        for choice in self._choices:
            rows.append(choice.cells(by_keras=self._by_keras is not None))
        lines = aligned(rows, "<>>><")
        if self.whole:
            each = [f"{1e3 * seconds:.3f} ms with {by}" for by, seconds in self.whole.items()]
            lines += [
                f"whole model, {self.batch_size} at a time: {', '.join(each)}",
                "A layer's Keras ms is of a call by itself: of a small layer mostly the call.",
            ]
        return "\n".join(lines)


def _own(output, inputs):
    """Returns an output in memory of its own, also where it is an input."""
    shared = any(np.may_share_memory(output, array) for array in inputs)
    return output.copy() if shared else output
