"""`WarmUpAndDrops`: the learning rate of ResNet-50, which warms up and then drops three times."""

import math
from collections.abc import Sequence
from typing import Any

import keras

from state_of_sparsity.arguments import check_number, is_number
from state_of_sparsity.version import PACKAGE


@keras.saving.register_keras_serializable(package=PACKAGE)
class WarmUpAndDrops(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that grows linearly to its peak, and is cut by a factor at given epochs.

    With `peak = learning_rate * batch_size / 256` and the epoch as a real number,
    `epoch = step * batch_size / examples`:

        rate = peak * min(1, epoch / warm_up) * factor^(number of drops at or before epoch)

    Args:
        learning_rate: the peak for batches of 256 examples, above 0.
        batch_size: examples in a step, over all replicas.
        examples: examples in an epoch; the default is the size of ImageNet's training set.
        warm_up: epochs until the peak, at least 0; 0 starts at the peak.
        drops: epochs, ascending and none before the end of the warm-up; a drop counts from the
            first step at or after its epoch.
        factor: what each drop multiplies the learning rate by, in (0, 1].

    Call arguments:
        step: optimizer steps completed, a tensor or an integer.

    Returns:
        A scalar float32 tensor.

    Raises:
        ValueError: if an argument is outside its range.

    Example:

    >>> rate = WarmUpAndDrops(batch_size=1024)
    >>> round(float(rate(20_000)), 6), round(float(rate(40_000)), 6)
    (0.4, 0.04)

    Reference: Goyal et al., "Accurate, Large Minibatch SGD", 2017, sections 2.1, 2.2 and 5.1.
    """

    def __init__(
        self,
        learning_rate: float = 0.1,
        batch_size: int = 1024,
        examples: int = 1_281_167,
        warm_up: float = 5,
        drops: Sequence[float] = (30, 60, 80),
        factor: float = 0.1,
    ) -> None:
        super().__init__()
        check_number("learning_rate", learning_rate, above=0)
        check_number("batch_size", batch_size, above=0)
        check_number("examples", examples, above=0)
        _check_epochs(warm_up, drops)
        check_number("factor", factor, above=0, most=1)
        self.learning_rate = learning_rate
        self.batch_size, self.examples = batch_size, examples
        self.warm_up, self.drops, self.factor = warm_up, tuple(drops), factor

    def __call__(self, step: Any) -> Any:
        """Returns the learning rate of the step that follows `step` completed ones."""
        peak = self.learning_rate * self.batch_size / 256
        steps_per_epoch = self.examples / self.batch_size
        step = keras.ops.cast(step, "float32")
        rate = keras.ops.full_like(step, peak)
        if self.warm_up:
            rate = rate * keras.ops.minimum(step / (self.warm_up * steps_per_epoch), 1.0)
        for epoch in self.drops:
            # Whole steps are exact in float32 where epochs are not.
            dropped = step >= math.ceil(epoch * self.examples / self.batch_size)
            rate = keras.ops.where(dropped, rate * self.factor, rate)
        return rate

    @property
    def last_change(self) -> int:
        """The first step from which on the learning rate stays as it is."""
        return math.ceil(max([self.warm_up, *self.drops]) * self.examples / self.batch_size)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {
            "learning_rate": self.learning_rate,
            "batch_size": self.batch_size,
            "examples": self.examples,
            "warm_up": self.warm_up,
            "drops": list(self.drops),
            "factor": self.factor,
        }


def _check_epochs(warm_up, drops):
    check_number("warm_up", warm_up, least=0)
    epochs = [warm_up, *drops]
    ascending = all(is_number(epoch) for epoch in drops) and epochs == sorted(epochs)
    if not ascending or len(set(drops)) < len(drops):
        raise ValueError(
            "`drops` must be ascending epochs, none before the end of the warm-up. "
            f"Received: {drops!r} with warm_up={warm_up!r}."
        )
