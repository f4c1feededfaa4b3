"""`Rewound`: a learning rate that begins in the midst of another one, or takes longer."""

from typing import Any

import keras
from keras import ops

from state_of_sparsity.arguments import check_integer, check_number
from state_of_sparsity.optimizers.learning_rate import LearningRate
from state_of_sparsity.version import PACKAGE


@keras.saving.register_keras_serializable(package=PACKAGE)
class Rewound(keras.optimizers.schedules.LearningRateSchedule):
    """Another learning rate, begun at one of its steps, stretched, and held at its end.

        rate(t) = schedule(min(first + t / stretch, last))

    and `final_rate` in place of `schedule(last)`, where that is given.

    Args:
        schedule: the learning rate as it was, a schedule of Keras or a number.
        first: the step of it that this one begins at, at least 0.
        last: the step at which it ended; it is held from there on.
        stretch: how many times as long it takes, above 0.
        final_rate: the learning rate from `last` on, at least 0; that of the schedule if `None`.

    Call arguments:
        step: optimizer steps completed, a tensor or an integer.

    Returns:
        A scalar float32 tensor.

    Raises:
        ValueError: if an argument is outside its range.

    Example:

    >>> rate = keras.optimizers.schedules.PolynomialDecay(1.0, 100, end_learning_rate=0.0)
    >>> later = Rewound(rate, first=50, last=100, stretch=2)
    >>> float(later(0)), float(later(50))
    (0.5, 0.25)

    Reference: Renda, Frankle, Carbin, "Comparing Rewinding and Fine-tuning in Neural Network
    Pruning", 2020, section 2.
    """

    def __init__(
        self,
        schedule: LearningRate,
        first: int = 0,
        last: int = 1,
        stretch: float = 1.0,
        final_rate: float | None = None,
    ) -> None:
        super().__init__()
        check_integer("first", first, 0)
        check_integer("last", last, first)
        check_number("stretch", stretch, above=0)
        if final_rate is not None:
            check_number("final_rate", final_rate, least=0)
        self.schedule, self.first, self.last = schedule, first, last
        self.stretch, self.final_rate = stretch, final_rate

    def __call__(self, step: Any) -> Any:
        """Returns the learning rate of the step that follows `step` completed ones."""
        # A whole number where it can be one: float32 does not hold every step of a long run.
        step = ops.cast(step, "float32") / self.stretch if self.stretch != 1 else step
        step = self.first + step
        last = ops.cast(self.last, step.dtype) if hasattr(step, "dtype") else self.last
        rate = self._rate(ops.minimum(step, last))
        if self.final_rate is None:
            return rate
        return ops.where(step >= last, ops.cast(self.final_rate, "float32"), rate)

    def _rate(self, step):
        rate = self.schedule(step) if callable(self.schedule) else self.schedule
        return ops.cast(rate, "float32")

    @property
    def last_change(self) -> int:
        """The first step from which on the learning rate stays as it is, at the latest."""
        ends = self.last
        if self.final_rate is None:
            ends = min(getattr(self.schedule, "last_change", 0), self.last)
        return max(0, round((ends - self.first) * self.stretch))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {
            "schedule": keras.saving.serialize_keras_object(self.schedule),
            "first": self.first,
            "last": self.last,
            "stretch": self.stretch,
            "final_rate": self.final_rate,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Rewound":
        """Creates it from its configuration."""
        schedule = keras.saving.deserialize_keras_object(config["schedule"])
        return cls(**{**config, "schedule": schedule})
