"""`chosen_runner`: a runner of what was measured to be fastest."""

import time

import keras
import numpy as np

from state_of_sparsity.inference.calls import Value, flat_calls
from state_of_sparsity.inference.measurement import choices
from state_of_sparsity.inference.reading import read
from state_of_sparsity.inference.runner import Runner
from state_of_sparsity.inference.steps import Product

_ROUNDS = 5


def chosen_runner(model, batch_size: int, threads: int, measure: bool) -> Runner:
    """Returns a runner of a model that `compile` has checked; arguments as there."""
    inputs = [Value(tuple(tensor.shape)) for tensor in model.inputs]
    calls, outputs = flat_calls(model, inputs)
    steps = read(inputs, calls, outputs)
    found = choices(steps, batch_size, threads, measure)
    dense = {layer for layer, choice in found if not choice.is_sparse}
    if dense:
        steps = read(inputs, calls, outputs, dense)
    for step in steps:
        if isinstance(step, Product):
            step.calls = []  # they hold the whole model
    rows = [choice for _, choice in found]
    runner = Runner(model, inputs, steps, outputs, rows, threads)
    if measure and _is_slower(runner, model, batch_size):
        return Runner(model, inputs, [], outputs, rows, threads, by_keras=model)
    return runner


def _is_slower(runner, model, batch_size):
    """Returns whether a runner takes longer than the model by Keras, measured in turn."""
    inputs = [
        np.ones((batch_size, *tensor.shape[1:]), keras.backend.standardize_dtype(tensor.dtype))
        for tensor in model.inputs
    ]
    times = {runner: [], model.predict_on_batch: []}
    for again in range(_ROUNDS + 1):
        for function, seconds in times.items():
            start = time.perf_counter()
            function(inputs if len(inputs) > 1 else inputs[0])
            if again:
                seconds.append(time.perf_counter() - start)
    ours, theirs = map(min, times.values())
    return ours > theirs
