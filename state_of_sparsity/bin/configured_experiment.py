"""The experiment that the parsed gin configuration describes, and its model."""

import gin

from state_of_sparsity.bin import gin_app, gin_messages, users_errors
from state_of_sparsity.errors import UsageError


def make():
    """Returns the configured experiment, with its data; its model is not built.

    Raises:
        UsageError: for whatever the user can put right.
    """
    # Imports Keras, which `--help` and a wrong flag need not wait for.
    from state_of_sparsity.training.experiment import Experiment

    if not gin_messages.is_bound(Experiment):
        raise UsageError(
            "The configuration must say what to train: a gin file that binds "
            "`experiment.Experiment`, or includes one that does, such as quickstart/digits.gin. "
            "Received: one that binds nothing of it."
        )
    with users_errors.in_one_line():
        return gin.get_configurable(Experiment)()


def build(strategy, recorded=False):
    """Returns the configured experiment and its model, built and compiled.

    Args:
        strategy: where the model will train, from `strategy_choice.choose`.
        recorded: whether a run recorded the configuration, which was checked then.

    Raises:
        UsageError: for whatever the user can put right, bindings that nothing uses too.
    """
    experiment = make()
    with users_errors.in_one_line():
        model = experiment.build(strategy)
    if not recorded:
        gin_app.check_all_used()
    return experiment, model


def build_to_look_at(strategy):
    """Returns the configured experiment, its model, and what it cannot begin without yet.

    Where a run that it begins from is not there, the model is as it is made.

    Args:
        strategy: where the model would train.

    Returns:
        `(experiment, model, missing)`: the last is `{path of a run: what is to be said of it}`.

    Raises:
        UsageError: for whatever the user can put right, bindings that nothing uses too.
    """
    experiment = make()
    from state_of_sparsity.training.start_description import missing

    with users_errors.in_one_line():
        start = experiment.start
        not_there = {} if start is None else missing(start, experiment.seed)
        model = experiment.build(strategy, begin=not not_there)
    gin_app.check_all_used()
    return experiment, model, not_there
