"""`ScaledAdam`: Adam with a learning rate of their own for variables of some names."""

import keras

from state_of_sparsity.schedules import PACKAGE, is_number


@keras.saving.register_keras_serializable(package=PACKAGE)
class ScaledAdam(keras.optimizers.Adam):
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

    >>> optimizer = ScaledAdam(1e-3, multipliers={"log_sigma2": 10.0})

    Reference: Kingma, Ba, "Adam: A Method for Stochastic Optimization", 2015, section 2.1 (the size
    of a step).
    """

    def __init__(self, learning_rate=1e-3, multipliers=None, **kwargs):
        super().__init__(learning_rate, **kwargs)
        self.multipliers = dict(multipliers or {})
        for name, factor in self.multipliers.items():
            if not (is_number(factor) and factor > 0):
                raise ValueError(
                    f"`multipliers` must hold factors above 0. Received: {factor!r} for {name!r}."
                )

    def build(self, variables):
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

    def update_step(self, gradient, variable, learning_rate):
        """Moves a variable, with its own learning rate."""
        # By its place: a backend may hand over its own variable, which has another name.
        factor = self._factors[self._get_variable_index(variable)]
        super().update_step(gradient, variable, learning_rate * factor)

    def get_config(self):
        """Returns the configuration."""
        return {**super().get_config(), "multipliers": self.multipliers}
