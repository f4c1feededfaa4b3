"""Multiply-adds of a model: one symbolic call, watched at every layer that owns a kernel."""

import collections
import contextlib
import functools
import inspect
import math
from dataclasses import replace
from typing import Any

import keras

from state_of_sparsity.accounting.kernel_uses import UNKNOWN, uses_in_call
from state_of_sparsity.accounting.model_inputs import UnknownInputShapeError, symbolic_inputs
from state_of_sparsity.wrapping.keras_internals import all_layers, own_variables


def count_uses(
    model: keras.Model, kernels: Any, input_shape: Any = None
) -> tuple[list[int | None], str | None]:
    """How often each kernel is applied for one example.

    The model is traced symbolically; nothing is computed, and no state of the model changes. Calls
    of a shared layer add up, and recurrent and time-distributed layers count every time step. A
    loop that a user's layer writes with `keras.ops.while_loop` or `scan` is counted as one step.

    Args:
        model: A built Keras model.
        kernels: its `SparseKernel`s.
        input_shape: shape without the batch dimension, or a list or dict of those. None takes the
            model's own.

    Returns:
        `(uses, note)`: a list with a number or None (not known) for each kernel, and None or the
        reason why nothing is known.

    Raises:
        ValueError: `input_shape` is no shape, or does not fit the model's inputs.
    """
    error = None
    for dtype in ("float32", "int32"):  # a subclassed model does not say which it expects
        try:
            arguments, keywords, batch = symbolic_inputs(model, input_shape, dtype)
        except UnknownInputShapeError as unknown:
            return [None] * len(kernels), f"{unknown}; pass `input_shape` to count multiply-adds"
        watch = _Watch(model, kernels)
        try:
            watch.trace(arguments, keywords)
        except Exception as failed:  # whatever a user's `call` raises, the sizes still count
            error = error or watch.error or failed
            continue
        return [watch.uses_per_example(kernel.variable, batch) for kernel in kernels], None
    shapes = [tensor.shape for tensor in keras.tree.flatten((arguments, keywords))]
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    return [None] * len(kernels), (
        f"calling the model on inputs of shape {shapes} failed with {reason}; if it expects "
        "other inputs, pass `input_shape`"
    )


class _Watch:
    """Counts how often kernels are used while a model is traced once.

    Nothing in Keras says how often a layer is called, or on how many positions: so the `call` of
    every layer that owns a kernel is replaced, in that instance and for the time of the trace, by a
    function that counts and then calls the layer's own (a *shadow* of it).

    Loops are the difficulty. The body of a recurrent layer is traced once, or twice, or not at all
    where a fused kernel does its work, but runs at every time step. So the layer around it notes
    how many steps its body stands for (`steps_of`); the first call of the body makes each use
    inside count for that many (`steps`), and later calls count nothing.
    """

    def __init__(self, model, kernels):
        self.model = model
        self.error = None
        wanted = {id(kernel.variable): kernel for kernel in kernels}
        self.owners = []  # (layer, its kernels); tied layers own one kernel together
        self.loops = []  # (layer, the layer it runs at every time step)
        for layer in all_layers(model):
            own = own_variables(layer)
            found = [replace(wanted[id(v)], owner=layer) for v in own if id(v) in wanted]
            if found:
                self.owners.append((layer, found))
            body = getattr(layer, "cell", None) if isinstance(layer, keras.layers.RNN) else None
            if isinstance(layer, keras.layers.TimeDistributed):
                body = layer.layer
            if isinstance(body, keras.layers.Layer):
                self.loops.append((layer, body))

    def trace(self, arguments, keywords):
        """Calls the model symbolically, counting from zero."""
        if "training" in inspect.signature(self.model.call).parameters:
            keywords = {**keywords, "training": False}

        def call(*args, **kwargs):
            # Here, as the torch backend traces a second time if its first attempt fails.
            self.uses, self.calls = {}, collections.Counter()
            self.steps = 1  # product over the loops around the present call; 0 counts nothing
            self.steps_of = {}  # steps that the next call of a loop's body stands for
            try:
                with self._shadows():
                    return self.model(*args, **kwargs)
            except Exception as error:
                self.error = error  # Keras puts a long text of its own around it
                raise

        operation = keras.Operation(name="count_multiply_adds")
        operation.call = call
        operation.compute_output_spec(*arguments, **keywords)

    def uses_per_example(self, variable, batch):
        """Returns the number of uses, or None if not known."""
        uses = self.uses.get(id(variable), UNKNOWN)  # never called: it may be used otherwise
        return None if math.isnan(uses) or uses % batch else uses // batch

    @contextlib.contextmanager
    def _shadows(self):
        shadows = [(layer, self._recording(layer, found)) for layer, found in self.owners]
        shadows += [(layer, self._looping(body)) for layer, body in self.loops]
        # Bodies last, so that what decides whether a call counts runs before what counts it.
        shadows += [
            (body, self._stepping(body)) for body in {id(b): b for _, b in self.loops}.values()
        ]
        with contextlib.ExitStack() as restore:
            for layer, shadow in shadows:
                attributes = vars(layer)
                quantized = getattr(layer, "quantization_mode", None) is not None
                name = "quantized_call" if quantized else "call"  # which of them Keras calls
                if name in attributes:
                    restore.callback(attributes.__setitem__, name, attributes[name])
                else:
                    restore.callback(attributes.pop, name, None)
                attributes[name] = _around(getattr(layer, name), shadow)
            yield

    def _recording(self, owner, kernels):
        """Counts a call of a layer that owns kernels, unless a layer inside has counted it."""

        def shadow(call, args, kwargs):
            before = [self.calls[id(kernel.variable)] for kernel in kernels]
            outputs = call(*args, **kwargs)
            arguments = inspect.signature(owner.call).bind(*args, **kwargs).arguments
            shapes = _first_shape((args, kwargs)), _first_shape(outputs)
            for kernel, calls in zip(kernels, before, strict=True):
                if self.calls[id(kernel.variable)] == calls:
                    self._add(kernel, uses_in_call(kernel, kernels, *shapes, arguments))
            return outputs

        return shadow

    def _looping(self, body):
        """Sets the number of steps that the body of a loop stands for."""

        def shadow(call, args, kwargs):
            shape = _first_shape((args, kwargs))
            length = shape[1] if shape and len(shape) > 1 else None
            outer = self.steps
            self.steps_of[id(body)] = outer * (UNKNOWN if length is None else length)
            self.steps = 0  # stacked cells are also called once outside their loop
            try:
                outputs = call(*args, **kwargs)
                self.steps = self.steps_of[id(body)]
                for owner, kernels in self.owners:
                    if owner is body:  # not called if a fused kernel ran instead of the cell
                        for kernel in kernels:
                            self._add(kernel, UNKNOWN if shape is None else shape[0])
            finally:
                self.steps = outer
                del self.steps_of[id(body)]
            return outputs

        return shadow

    def _stepping(self, body):
        """However often a loop is traced, its body counts once for each time step."""

        def shadow(call, args, kwargs):
            outer = self.steps
            if id(body) in self.steps_of:
                self.steps, self.steps_of[id(body)] = self.steps_of[id(body)], 0
            try:
                return call(*args, **kwargs)
            finally:
                self.steps = outer

        return shadow

    def _add(self, kernel, uses):
        if self.steps:
            key = id(kernel.variable)
            self.calls[key] += 1
            self.uses[key] = self.uses.get(key, 0) + self.steps * uses


def _around(call, shadow):
    @functools.wraps(call)
    def shadowed(*args, **kwargs):
        return shadow(call, args, kwargs)

    return shadowed


def _first_shape(structure):
    """Shape of the first tensor of a nest, or None."""
    for value in keras.tree.flatten(structure):
        if hasattr(value, "shape"):
            try:
                return tuple(value.shape)
            except ValueError:  # TensorFlow, unknown rank
                return None
    return None
