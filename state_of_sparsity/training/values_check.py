"""What an experiment's values say without its model and its data: in milliseconds, for hundreds."""

import keras

from state_of_sparsity.surgery.rules import Rules
from state_of_sparsity.training.experiment import Experiment
from state_of_sparsity.training.experiment_check import check_made, check_reached
from state_of_sparsity.training.optimizer_check import check_optimizer
from state_of_sparsity.version import PACKAGE


def check_values(experiment: Experiment) -> None:
    """Checks the optimizer, the start, and wrappers with their schedules; builds no model.

    Args:
        experiment: the experiment; its data may be a stand-in.

    Raises:
        ValueError: if the optimizer is none, a number of it or of a technique is out of range, or
            a schedule cannot reach its final value within the run.
    """
    optimizer = experiment.optimizer()
    check_made("optimizer", optimizer, keras.optimizers.Optimizer)
    check_optimizer(optimizer, experiment.steps)
    if experiment.start is not None:
        experiment.start.set_learning_rate(optimizer, experiment.steps)
    if experiment.rules is not None:
        wrappers = [_tried(make) for _, make in Rules(experiment.rules).rules if _is_ours(make)]
        followed = {w.followed.key: w.followed for w in wrappers if w.followed is not None}
        unreached = [each.unreached(0, experiment.last_step) for each in followed.values()]
        check_reached([sentence for sentence in unreached if sentence], experiment.last_step)


def _tried(make):
    """Returns a rule's wrapper around a layer that nothing has built: only its numbers count."""
    return make(keras.layers.Dense(1))


def _is_ours(make):
    # A user's own may ask for what only the model's layers have.
    return (getattr(make, "__module__", None) or "").startswith(f"{PACKAGE}.")
