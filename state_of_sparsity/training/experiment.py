"""What is trained, on what, how and for how long."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import keras

from state_of_sparsity import surgery
from state_of_sparsity.updates import SparsityUpdates


@dataclasses.dataclass(frozen=True)
class Experiment:
    """One training experiment; everything is injected, and nothing is built before `build`.

    Args:
        name: what reports call it.
        model: callable without arguments that returns a built Keras model.
        data: a data set as `state_of_sparsity.data` describes.
        optimizer: callable without arguments that returns a Keras optimizer.
        loss: a Keras loss.
        steps: optimizer steps, a multiple of `eval_every`.
        eval_every: steps between validations, which are also when metrics and a checkpoint are
            written; a multiple of `steps_per_execution`.
        metrics: Keras metrics or their names.
        rules: what `sparsify` takes, a callable `layer -> wrapper` or a list of pairs; None trains
            the dense model.
        seed: seed of initial weights and of all noise, a non-negative integer. (The order of the
            data has its own.)
        steps_per_execution: optimizer steps in one call from Python. Masks change between calls.
        callbacks: Keras callbacks, called before metrics and checkpoints are written. State that
            they keep is not part of checkpoints.

    Raises:
        ValueError: if the numbers of steps do not fit together.
    """

    name: str
    model: Callable[[], keras.Model]
    data: Any
    optimizer: Callable[[], keras.optimizers.Optimizer]
    loss: Any
    steps: int
    eval_every: int
    metrics: Sequence = ("accuracy",)
    rules: Any = None
    seed: int = 0
    steps_per_execution: int = 1
    callbacks: Sequence = ()

    def __post_init__(self):
        for name in ("steps", "eval_every", "steps_per_execution"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"`{name}` must be a positive integer. Received: {value!r}.")
        _check_multiple("steps", self.steps, "eval_every", self.eval_every)
        _check_multiple(
            "eval_every", self.eval_every, "steps_per_execution", self.steps_per_execution
        )

    def build(self):
        """Seeds everything and returns the model: built, sparsified, compiled, optimizer built.

        Raises:
            ValueError: if a schedule cannot reach its final value within the run.
        """
        keras.utils.set_random_seed(self.seed)
        model = self.model()
        if self.rules is not None:
            model = surgery.sparsify(model, self.rules)
            _check_schedules(model, self.steps)
        model.compile(
            optimizer=self.optimizer(),
            loss=self.loss,
            metrics=list(self.metrics),
            steps_per_execution=self.steps_per_execution,
        )
        model.optimizer.build(model.trainable_variables)
        return model


def _check_multiple(name, value, of, divisor):
    if value % divisor:
        nearest = max(divisor, round(value / divisor) * divisor)
        raise ValueError(
            f"`{name}` must be a multiple of `{of}`, {divisor}. Received: {value}. "
            f"The nearest that fits is {nearest}."
        )


def _check_schedules(model, steps):
    unreached = SparsityUpdates(model).unreached(0, steps)
    if unreached:
        raise ValueError(
            f"A schedule does not reach its final value within `steps`, {steps}: "
            f"{'; '.join(unreached)}. Change `steps`, the schedule's end, or its `frequency`."
        )
