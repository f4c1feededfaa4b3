"""Learning rates of their own for variables of some names, for any optimizer of Keras."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras

from state_of_sparsity.arguments import is_number
from state_of_sparsity.optimizers.learning_rate import LearningRate
from state_of_sparsity.wrapping.keras_optimizers import place_of

if TYPE_CHECKING:  # the methods it overrides are those of an optimizer, beside which it stands
    _OfAnOptimizer = keras.optimizers.Optimizer
else:
    _OfAnOptimizer = object


class LearningRateMultipliers(_OfAnOptimizer):
    """What an optimizer of Keras becomes that multiplies learning rates by what names say.

    `class XWithMultipliers(LearningRateMultipliers, keras.optimizers.X)` takes `X`'s arguments and:

    Args:
        learning_rate: a number or a Keras schedule.
        multipliers: `{name: factor}`: the learning rate of a variable whose name ends in `name`
            is multiplied by `factor`, above 0. The first that fits counts; all others keep the
            learning rate.
        **kwargs: other arguments of the optimizer.

    Raises:
        ValueError: if a factor is not above 0.
    """

    def __init__(
        self,
        learning_rate: LearningRate,
        multipliers: Mapping[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.multipliers = dict(multipliers or {})
        for name, factor in self.multipliers.items():
            if not (is_number(factor) and factor > 0):
                raise ValueError(
                    f"`multipliers` must hold factors above 0. Received: {factor!r} for {name!r}."
                )

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Makes the state, and refuses multipliers that no variable is meant by."""
        names = [variable.name for variable in variables]
        for name in self.multipliers:
            if not any(each.endswith(name) for each in names):
                raise ValueError(
                    "`multipliers` must name the ends of variables' names. Received: "
                    f"{name!r}; the variables are {sorted(set(names))}."
                )
        super().build(variables)
        self._factors = [self._factor(name) for name in names]

    def _factor(self, variable_name):
        fitting = (f for name, f in self.multipliers.items() if variable_name.endswith(name))
        return next(fitting, 1.0)

    def update_step(self, gradient: Any, variable: keras.Variable, learning_rate: Any) -> None:
        """Moves a variable, with its own learning rate."""
        # By its place: a backend may hand over its own variable, which has another name.
        factor = self._factors[place_of(self, variable)]
        super().update_step(gradient, variable, learning_rate * factor)

    def get_config(self) -> dict[str, Any]:
        """Returns the configuration."""
        return {**super().get_config(), "multipliers": self.multipliers}
