"""The learning rate of optimizers that others are wrapped around, at every step."""

import keras
import pytest

from state_of_sparsity.optimizers import learning_rate
from state_of_sparsity.training.description import describe
from tests.training.experiments import STEPS, small_experiment


class Averaging(keras.optimizers.Optimizer):
    """Averages weights: wraps an optimizer, as those outside Keras do."""

    def __init__(self, optimizer):
        super().__init__(learning_rate=0.0)
        self._optimizer = optimizer


def decay():
    return keras.optimizers.schedules.PolynomialDecay(0.5, decay_steps=10, end_learning_rate=0.0)


WRAPPED = {
    "bare": lambda optimizer: optimizer,
    "loss scaler": keras.optimizers.LossScaleOptimizer,
    "averaging": Averaging,
    "both": lambda optimizer: keras.optimizers.LossScaleOptimizer(Averaging(optimizer)),
    "several": lambda optimizer: keras.optimizers.MultiOptimizer(
        keras.optimizers.OptimizerMap(optimizer)
    ),
}


@pytest.mark.parametrize("wrap", WRAPPED.values(), ids=WRAPPED)
def test_the_learning_rate_is_that_of_the_optimizer_that_takes_the_steps(wrap):
    scheduled = wrap(keras.optimizers.SGD(decay()))
    rates = [learning_rate.learning_rate_at(scheduled, step) for step in (0, 5, 10)]
    assert rates == pytest.approx([0.5, 0.25, 0.0])
    assert learning_rate.present_learning_rate(scheduled) == 0.5
    for constant in (0.25, lambda: 0.25):
        optimizer = wrap(keras.optimizers.SGD(constant))
        assert learning_rate.learning_rate_at(optimizer, 7) == 0.25
        assert learning_rate.present_learning_rate(optimizer) == 0.25


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
@pytest.mark.parametrize("rate", [decay, lambda: 0.5, lambda: lambda: 0.5])
def test_a_dry_run_shows_the_learning_rate(precision, rate):
    experiment = small_experiment(
        precision=precision, optimizer=lambda: keras.optimizers.SGD(rate())
    )
    text = describe(experiment, experiment.build())
    first, *_, last = text[text.index("      step") :].splitlines()[1:]
    assert first.split()[:2] == ["0", "0.5"]
    assert last.split()[:2] == [str(STEPS), "0.2" if rate is decay else "0.5"]


def test_steps_are_those_of_what_takes_them():
    def accumulating():
        return keras.optimizers.SGD(0.1, gradient_accumulation_steps=4)

    shared_out = keras.optimizers.MultiOptimizer(keras.optimizers.OptimizerMap(accumulating()))
    for optimizer in (accumulating(), shared_out):
        variable = keras.Variable([1.0])
        optimizer.build([variable])
        for _ in range(9):
            optimizer.apply([keras.ops.ones((1,))], [variable])
        assert learning_rate.batches_a_step(optimizer) == 4
        assert learning_rate.steps_done(optimizer) == 2


def test_an_optimizer_that_trains_nothing_counts_no_steps():
    used, unused = keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1)
    shared_out = keras.optimizers.OptimizerMap(default_optimizer=unused)
    shared_out[".*"] = used
    optimizer, variable = keras.optimizers.MultiOptimizer(shared_out), keras.Variable([1.0])
    optimizer.build([variable])
    assert learning_rate.steps_done(optimizer) == 0
    for _ in range(3):
        optimizer.apply([keras.ops.ones((1,))], [variable])
    assert int(unused.iterations) == 0
    assert learning_rate.steps_done(optimizer) == 3
