"""The experiment that the parsed gin configuration describes, and its model."""

import contextlib

import gin

from state_of_sparsity.bin import gin_app, gin_messages, users_errors


def make():
    """Returns the configured experiment, with its data; its model is not built.

    Raises:
        gin_app.UsageError: for whatever the user can put right.
    """
    # Imports Keras, which `--help` and a wrong flag need not wait for.
    from state_of_sparsity.training.experiment import Experiment

    if not gin_messages.is_bound(Experiment):
        raise gin_app.UsageError(
            "The configuration must say what to train: a gin file that binds "
            "`experiment.Experiment`, or includes one that does, such as quickstart/digits.gin. "
            "Received: one that binds nothing of it."
        )
    with _usage_errors():
        return gin.get_configurable(Experiment)()


def build(strategy, recorded=False):
    """Returns the configured experiment and its model, built and compiled.

    Args:
        strategy: where the model will train, from `strategy_choice.choose`.
        recorded: whether a run recorded the configuration, which was checked then.

    Raises:
        gin_app.UsageError: for whatever the user can put right, bindings that nothing uses too.
    """
    experiment = make()
    with _usage_errors():
        model = experiment.build(strategy)
    if not recorded:
        gin_app.check_all_used()
    return experiment, model


@contextlib.contextmanager
def _usage_errors():
    from state_of_sparsity.training.devices.strategy_error import StrategyError

    try:
        yield
    except StrategyError as error:
        raise gin_app.UsageError(str(error)) from error
    except Exception as error:
        if not users_errors.is_the_users(error):
            raise
        raise gin_app.UsageError(gin_app.explain_build_error(error)) from error
