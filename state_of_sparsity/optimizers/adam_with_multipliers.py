"""`AdamWithMultipliers`: Adam with a learning rate of their own for variables of some names."""

from collections.abc import Mapping
from typing import Any

import keras

from state_of_sparsity.optimizers.learning_rate import LearningRate
from state_of_sparsity.optimizers.learning_rate_multipliers import LearningRateMultipliers
from state_of_sparsity.version import PACKAGE


@keras.saving.register_keras_serializable(package=PACKAGE)
class AdamWithMultipliers(LearningRateMultipliers, keras.optimizers.Adam):
    """Adam that multiplies the learning rate of variables by what their name says.

    Adam moves a parameter by at most about the learning rate a step, however steep the loss is.
    What decides whether a weight is dropped has a long way to go (log sigma^2 of variational
    dropout from -10, log alpha of L0 gates from 2.2 to -2.4), the weights themselves a short one:
    one learning rate for both wastes steps or blurs the weights.

    Args:
        learning_rate: a number or a Keras schedule, as for `keras.optimizers.Adam`.
        multipliers: `{name: factor}`: the learning rate of a variable whose name ends in `name`
            is multiplied by `factor`, above 0. The first that fits counts; all others keep the
            learning rate.
        **kwargs: other arguments of `keras.optimizers.Adam`.

    Raises:
        ValueError: if a factor is not above 0.

    Example:

    >>> optimizer = AdamWithMultipliers(1e-3, multipliers={"log_sigma2": 10.0})

    Reference: Kingma, Ba, "Adam: A Method for Stochastic Optimization", 2015, section 2.1 (the size
    of a step).
    """

    def __init__(
        self,
        learning_rate: LearningRate = 1e-3,
        multipliers: Mapping[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, multipliers, **kwargs)
