"""`choices`: each layer with weights timed as a sparse product, and by Keras."""

import concurrent.futures
import dataclasses
import time

import keras
import numpy as np

from state_of_sparsity.inference.layer_rows import array
from state_of_sparsity.inference.program import Program
from state_of_sparsity.inference.reading import WEIGHTED
from state_of_sparsity.inference.steps import Product, SplitPhases, as_array

# The fastest of many is what a layer takes where other work on the machine does not disturb it.
_LEAST_REPEATS, _ENOUGH_REPEATS, _ENOUGH_SECONDS = 3, 100, 0.1
_PATIENCE = 2  # seconds, after which progress is shown


@dataclasses.dataclass
class Choice:
    """What computes a layer, and why.

    Args:
        name: the layer's.
        sparsity: of its kernel, in [0, 1].
        sparse_seconds: as a sparse product, with what is fused into it; None if not measured.
        keras_seconds: the same calls by Keras; None if not measured.
    """

    name: str
    sparsity: float
    sparse_seconds: float | None = None
    keras_seconds: float | None = None

    @property
    def is_sparse(self) -> bool:
        """Whether it is computed by a sparse product."""
        if self.sparse_seconds is None or self.keras_seconds is None:
            return True
        return self.sparse_seconds < self.keras_seconds

    def cells(self, by_keras=False):
        """Returns a row of the table that `print(runner)` shows."""
        times = (self.sparse_seconds, self.keras_seconds)
        measured = ["" if seconds is None else f"{1e3 * seconds:.3f}" for seconds in times]
        by = "sparse product" if self.is_sparse and not by_keras else "Keras"
        return (self.name, f"{100 * self.sparsity:.1f} %", *measured, by)


def weighted_products(steps) -> list:
    """Returns the products that stand for layers with weights."""
    products = [step for step in steps if isinstance(step, Product)]
    return [step for step in products if type(step.calls[0].operation) in WEIGHTED]


def choices(steps, images, threads, measure) -> list[tuple[object, Choice]]:
    """Returns `[(layer, Choice), ...]` of the layers that steps compute as sparse products.

    Where that takes seconds a progress bar of Keras is shown.

    Args:
        steps: of a model.
        images: of a batch.
        threads: how many compute.
        measure: whether times are measured.
    """
    found = []
    splits = {step.writes[0]: step for step in steps if isinstance(step, SplitPhases)}
    products, start = weighted_products(steps), time.perf_counter()
    bar = keras.utils.Progbar(len(products), interval=1, unit_name="layer timed")
    for done, product in enumerate(products, 1):
        layer = product.calls[0].operation
        kernel = array(layer.kernel)
        choice = Choice(product.calls[0].name, 1 - np.count_nonzero(kernel) / kernel.size)
        if measure:
            choice.sparse_seconds = _sparse_seconds(product, splits, images, threads)
            choice.keras_seconds = _keras_seconds(product.calls, images)
        found.append((layer, choice))
        if measure and time.perf_counter() - start > _PATIENCE:
            bar.update(done)
    return found


def seconds(function) -> float:
    """Returns how long a function takes at the least, after a first time that warms it up."""
    function()
    times = []
    while len(times) < _LEAST_REPEATS or (
        len(times) < _ENOUGH_REPEATS and sum(times) < _ENOUGH_SECONDS
    ):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def _sparse_seconds(product, splits, images, threads):
    before = splits.get(product.source)
    steps = [step for step in (before, product) if step is not None]
    with concurrent.futures.ThreadPoolExecutor(max(1, threads - 1)) as helpers:
        program = Program(steps, [], [], images, helpers, threads)
        source = program.memory.buffer(steps[0].reads[0])
        source[:] = _random(source.shape)
        return seconds(lambda: program([]))


def _keras_seconds(calls, images):
    """Times calls, each of which reads the output of the one before, and else random arrays."""
    made = {value for call in calls for value in call.outputs}
    given = {
        value: keras.ops.convert_to_tensor(_random((images, *value.shape[1:])))
        for call in calls
        for value in call.inputs
        if value not in made
    }

    def run():
        values = {}
        for call in calls:
            values |= given
            call.run(values)
            # The others would be held while the next is computed, and memory is not given back.
            values = {value: values[value] for value in call.outputs}
        as_array(values[calls[-1].outputs[0]])

    return seconds(run)


def _random(shape):
    return np.random.default_rng(0).standard_normal(shape, np.float32)
