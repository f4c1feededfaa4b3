"""The experiment that the parsed gin configuration describes, and its model."""

import types

import gin

from state_of_sparsity.bin import gin_app, gin_messages, header_commands, users_errors
from state_of_sparsity.errors import UsageError


def make(to_train=False):
    """Returns the configured experiment, with its data; its model is not built.

    Args:
        to_train: whether it is to have its callbacks: some begin something when they are made, such
            as a tracker's run.

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
    if not to_train:
        _bind(callbacks=())
    with users_errors.in_one_line():
        return gin.get_configurable(Experiment)()


def check_values():
    """Checks the configured experiment without its model, data, callbacks and evaluators.

    None of those is made: data may lie elsewhere, and a callback may begin something when it is.

    Raises:
        UsageError: for whatever the user can put right.
    """
    from state_of_sparsity.data import SPLITS
    from state_of_sparsity.training import values_check

    _bind(data=types.SimpleNamespace(batch_size=1, **dict.fromkeys(SPLITS)), evaluators=())
    experiment = make()
    with users_errors.in_one_line():
        values_check.check_values(experiment)


def build(strategy, recorded=False):
    """Returns the configured experiment and its model, built and compiled.

    Args:
        strategy: where the model will train, from `strategy_choice.choose`.
        recorded: whether a run recorded the configuration, which was checked then.

    Raises:
        UsageError: for whatever the user can put right, bindings that nothing uses too.
    """
    experiment = make(to_train=not recorded)
    with users_errors.in_one_line():
        missing = _missing(experiment)
        if missing:
            path, reason = next(iter(missing.items()))
            command = header_commands.that_makes(path, gin_app.gin_configs())
            raise UsageError(reason + (f" The command that makes it: {command}" if command else ""))
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
    experiment = make(to_train=True)
    with users_errors.in_one_line():
        missing = _missing(experiment)
        model = experiment.build(strategy, begin=not missing)
    gin_app.check_all_used()
    return experiment, model, missing


def _bind(**fields):
    """Binds fields of the experiment in place of what the configuration has for them."""
    from state_of_sparsity.training.experiment import Experiment

    for selector in gin_messages.selectors_bound(Experiment):
        with gin.unlock_config():
            for name, value in fields.items():
                gin.bind_parameter(f"{selector}.{name}", value)


def _missing(experiment):
    """Returns what an experiment cannot begin without yet: `{path of a run: what to say of it}`."""
    from state_of_sparsity.training import start_description

    start = experiment.start
    return {} if start is None else start_description.missing(start, experiment.seed)
