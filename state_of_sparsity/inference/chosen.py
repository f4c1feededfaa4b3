"""`chosen_runner`: a runner of what was measured to be fastest."""

import statistics
import time

import keras
import numpy as np

from state_of_sparsity.inference.attention import opened
from state_of_sparsity.inference.calls import Value, flat_calls
from state_of_sparsity.inference.measurement import choices
from state_of_sparsity.inference.reading import read
from state_of_sparsity.inference.runner import Runner
from state_of_sparsity.inference.steps import Product

_ROUNDS = 7


def chosen_runner(model, batch_size: int, threads: int, measure: bool) -> Runner:
    """Returns a runner of a model that `compile` has checked; arguments as there."""
    inputs = [Value(tuple(tensor.shape)) for tensor in model.inputs]
    calls, outputs = flat_calls(model, inputs)
    calls = opened(calls)
    steps = read(inputs, calls, outputs)
    found = choices(steps, batch_size, threads, measure)
    dense = {layer for layer, choice in found if not choice.is_sparse}
    if dense:
        steps = read(inputs, calls, outputs, dense)
    for step in steps:
        if isinstance(step, Product):
            step.calls = []  # they hold the whole model
    rows = [choice for _, choice in found]
    counts = sorted({1, threads}) if measure else [threads]
    runners = [Runner(model, inputs, steps, outputs, rows, count) for count in counts]
    if not measure:
        return runners[0]
    runners.append(Runner(model, inputs, [], outputs, rows, threads, by_keras=model))
    medians = median_seconds(runners, model, batch_size)
    words = [f"{count} thread{'s' * (count > 1)}" for count in counts] + ["Keras"]
    chosen = runners[medians.index(min(medians))]
    chosen.whole, chosen.batch_size = dict(zip(words, medians, strict=True)), batch_size
    return chosen


def median_seconds(runners, model, batch_size: int) -> list[float]:
    """Returns what each of several runners of a model takes in the median, measured in turn."""
    inputs = [
        np.ones((batch_size, *tensor.shape[1:]), keras.backend.standardize_dtype(tensor.dtype))
        for tensor in model.inputs
    ]
    times = [[] for _ in runners]
    for again in range(_ROUNDS + 1):
        for runner, seconds in zip(runners, times, strict=True):
            start = time.perf_counter()
            runner(inputs)
            if again:
                seconds.append(time.perf_counter() - start)
    return [statistics.median(seconds) for seconds in times]
