"""`InverseSquareRoot`: the learning rate of the Transformer."""

from typing import Any, Self

import keras

from state_of_sparsity.arguments import check_number
from state_of_sparsity.version import PACKAGE


@keras.saving.register_keras_serializable(package=PACKAGE)
class InverseSquareRoot(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that grows linearly, then falls as the inverse square root of the step.

        rate = constant * hidden_dim^-0.5 * min(1, step / warm_up) * max(step, warm_up)^-0.5

    where `step` counts from 1.

    Args:
        hidden_dim: length of a position's vector in the model, at least 1.
        warm_up: steps until the peak, `constant * (hidden_dim * warm_up)^-0.5`; at least 1.
        constant: what all is multiplied by, above 0.

    Call arguments:
        step: optimizer steps completed, a tensor or an integer.

    Returns:
        A scalar float32 tensor.

    Raises:
        ValueError: if an argument is outside its range.

    Example:

    >>> rate = InverseSquareRoot()
    >>> [round(float(rate(step)), 6) for step in (3_999, 7_999, 31_999)]
    [0.000494, 0.000988, 0.000494]

    Reference: Vaswani et al., "Attention Is All You Need", 2017, equation 3; constant 2 and 8000
    steps are Tensor2Tensor's.
    """

    def __init__(self, hidden_dim: int = 512, warm_up: float = 8000, constant: float = 2.0) -> None:
        super().__init__()
        check_number("hidden_dim", hidden_dim, least=1)
        check_number("warm_up", warm_up, least=1)
        check_number("constant", constant, above=0)
        self.hidden_dim, self.warm_up, self.constant = hidden_dim, warm_up, constant

    def __call__(self, step: Any) -> Any:
        """Returns the learning rate of the step that follows `step` completed ones."""
        step = keras.ops.cast(step, "float32") + 1
        peak = self.constant * (self.hidden_dim * self.warm_up) ** -0.5
        growing, falling = step / self.warm_up, keras.ops.sqrt(self.warm_up / step)
        return peak * keras.ops.minimum(growing, falling)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Returns the schedule of a configuration; those saved before say `hidden`."""
        return cls(**{"hidden_dim" if key == "hidden" else key: config[key] for key in config})

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {"hidden_dim": self.hidden_dim, "warm_up": self.warm_up, "constant": self.constant}
