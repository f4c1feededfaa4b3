"""`SGDWithMultipliers`: SGD with a learning rate of their own for variables of some names."""

from collections.abc import Mapping
from typing import Any

import keras

from state_of_sparsity.optimizers.learning_rate import LearningRate
from state_of_sparsity.optimizers.learning_rate_multipliers import LearningRateMultipliers
from state_of_sparsity.version import PACKAGE


@keras.saving.register_keras_serializable(package=PACKAGE)
class SGDWithMultipliers(LearningRateMultipliers, keras.optimizers.SGD):
    """SGD that multiplies the learning rate of variables by what their name says.

    SGD moves a parameter by its gradient. That of what decides whether a weight is dropped (log
    alpha of L0 gates, log sigma^2 of variational dropout) is a product with the weight itself, or a
    penalty divided by the number of examples, and so far smaller than a weight's: at one learning
    rate for both a short run ends before any gate has closed.

    Args:
        learning_rate: a number or a Keras schedule, as for `keras.optimizers.SGD`.
        multipliers: `{name: factor}`: the learning rate of a variable whose name ends in `name`
            is multiplied by `factor`, above 0. The first that fits counts; all others keep the
            learning rate.
        **kwargs: other arguments of `keras.optimizers.SGD`.

    Raises:
        ValueError: if a factor is not above 0.

    Example:

    >>> optimizer = SGDWithMultipliers(0.1, multipliers={"log_alpha": 10.0}, momentum=0.9)

    Reference: Polyak, "Some methods of speeding up the convergence of iteration methods", 1964, for
    the momentum; the multipliers are those of `AdamWithMultipliers`.
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.01,
        multipliers: Mapping[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, multipliers, **kwargs)
