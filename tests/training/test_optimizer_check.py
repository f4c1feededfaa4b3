import math

import keras
import numpy as np
import pytest

from state_of_sparsity.training.optimizer_check import check_optimizer

Adam, SGD = keras.optimizers.Adam, keras.optimizers.SGD


class Rate(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule of the user's own, which cannot be serialized."""

    def __init__(self, rate):
        self.rate = rate

    def __call__(self, step):
        return self.rate(float(step))


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        (lambda: Adam(-1.0), r"`learning_rate` must be a finite .* Received: -1 at step 0"),
        (lambda: Adam(math.nan), "Received: nan at step 0"),
        (lambda: SGD(math.inf), "Received: inf at step 0"),
        (lambda: Adam(lambda: -0.5), r"Received: -0\.5 at step 0"),
        (lambda: Adam(Rate(lambda step: 50 - step)), "Received: -9 at step 59"),
        (lambda: Adam(Rate(lambda step: np.inf if step == 99 else 1)), "Received: inf at step 99"),
        (lambda: Adam(Rate(lambda step: [0.1])), "an error at step 0, ValueError"),
        (lambda: Adam(Rate(lambda step: 1 / 0)), "an error at step 0, ZeroDivisionError"),
        (
            lambda: Adam(keras.optimizers.schedules.ExponentialDecay(-0.1, 10, 0.9)),
            "`initial_learning_rate` must be a number from 0",
        ),
        (
            lambda: Adam(keras.optimizers.schedules.PiecewiseConstantDecay([5], [0.1, -0.1])),
            r"`values` must be a number from 0 .* Received: \[0\.1, -0\.1\]",
        ),
        (lambda: Adam(0.1, beta_1=1.0), r"`beta_1` must be a number in \[0, 1\)"),
        (lambda: Adam(0.1, epsilon=math.nan), "`epsilon` must be a number of at least 0"),
        (lambda: SGD(0.1, nesterov="no"), "`nesterov` must be True or False"),
        (lambda: keras.optimizers.RMSprop(0.1, rho=-0.1), r"`rho` must be a number in \[0, 1\)"),
        (lambda: keras.optimizers.LossScaleOptimizer(Adam(-1.0)), "Received: -1 at step 0"),
    ],
)
def test_numbers_that_train_nothing_are_refused(optimizer, message):
    with pytest.raises(ValueError, match=message):
        check_optimizer(optimizer(), steps=100)


def test_a_learning_rate_of_0_is_said():
    with pytest.warns(UserWarning, match="`learning_rate` is 0 at every step"):
        check_optimizer(Adam(0.0), steps=100)


@pytest.mark.parametrize("kind", ["Adam", "AdamW", "SGD", "RMSprop", "Adagrad", "Ftrl", "Lion"])
def test_what_keras_gives_is_taken(kind):
    schedule = keras.optimizers.schedules.CosineDecay(0.0, 90, warmup_target=0.1, warmup_steps=10)
    for rate in (0.01, schedule):
        check_optimizer(getattr(keras.optimizers, kind)(rate), steps=100)


def test_averages_that_keras_puts_in_at_the_end_are_refused():
    averaging = Adam(0.1, use_ema=True)
    several = keras.optimizers.MultiOptimizer(keras.optimizers.OptimizerMap(averaging))
    for optimizer in (averaging, keras.optimizers.LossScaleOptimizer(averaging), several):
        with pytest.raises(ValueError, match=r"`use_ema` must be False.*`Experiment.averaged_ch"):
            check_optimizer(optimizer, 10)
