"""Whether the fields of an `Experiment` are what they must be, before anything is built."""

import keras

from state_of_sparsity.arguments import check_flag, check_integer, is_integer
from state_of_sparsity.data import SPLITS
from state_of_sparsity.training.tickets import Start

# More steps than any run takes, and fewer than the counter of the optimizer holds.
MOST_STEPS = 2**31 - 1
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
_OBJECTS = (keras.Model, keras.layers.Layer, keras.optimizers.Optimizer, keras.metrics.Metric)
# Names of metrics that Keras makes sense of by the shape of the labels.
_BY_SHAPE = ("accuracy", "acc", "crossentropy", "ce")


def check_fields(experiment):
    """Raises a `ValueError` that names the first field of a wrong type or out of range.

    Args:
        experiment: the `Experiment`.
    """
    if not (isinstance(experiment.name, str) and experiment.name.strip()):
        raise _error("name", "text", experiment.name)
    for name in ("steps", "eval_every", "steps_per_execution", "averaged_checkpoints"):
        check_integer(name, getattr(experiment, name), 1, MOST_STEPS)
    check_integer("observed_batches", experiment.observed_batches, 0, MOST_STEPS)
    check_integer("seed", experiment.seed, 0, 2**32 - 1)
    if experiment.precision not in PRECISIONS:
        raise _error("precision", f"one of {', '.join(PRECISIONS)}", experiment.precision)
    if experiment.jit_compile not in (True, False, "auto"):
        raise _error("jit_compile", "True, False or 'auto'", experiment.jit_compile)
    for name, kind in (("model", keras.Model), ("optimizer", keras.optimizers.Optimizer)):
        _check_maker(name, getattr(experiment, name), kind)
    _check_data(experiment.data)
    _check_loss(experiment.loss)
    for name, is_one, what in _LISTS:
        _check_list(name, getattr(experiment, name), is_one, what)
    check_flag("kept_optimizer", experiment.kept_optimizer)
    if not (experiment.start is None or isinstance(experiment.start, Start)):
        raise _error("start", "a tickets.Start(), with () behind, or None", experiment.start)


def check_made(argument, made, kind):
    """Raises a `ValueError` if what a field's callable returned is of another kind.

    Args:
        argument: the field.
        made: what its callable returned.
        kind: `keras.Model` or `keras.optimizers.Optimizer`.
    """
    if not isinstance(made, kind):
        what = f"a callable that returns a Keras {argument}"
        raise _error(argument, what, made, "one that returns ")
    if kind is keras.Model and not made.built:
        raise ValueError(
            "`model` must be a callable that returns a built Keras model: give it a keras.Input, "
            f"or call it once. Received: one of '{made.name}', which is not built."
        )


def check_reached(unreached, steps):
    """Raises a `ValueError` if schedules do not reach their final value within a run.

    Args:
        unreached: a sentence for each that does not.
        steps: how many steps the run takes.
    """
    if unreached:
        raise ValueError(
            f"A schedule does not reach its final value within `steps`, {steps}: "
            f"{'; '.join(unreached)}. Change `steps`, the schedule's end, or its `frequency`."
        )


def _check_maker(name, value, kind):
    if isinstance(value, kind) or not callable(value):
        raise _error(
            name,
            f"a callable that returns a new Keras {name}: in a gin file @ and its name, "
            "without () behind",
            value,
        )


def _check_data(data):
    missing = [name for name in SPLITS if not hasattr(data, name)]
    if isinstance(data, type) or missing or not hasattr(data, "batch_size"):
        raise _error("data", "a data set such as digits.Digits(), with () behind", data)
    check_integer("batch_size", data.batch_size, 1, MOST_STEPS)


def _check_loss(loss):
    if isinstance(loss, str):
        try:
            keras.losses.get(loss)
        except ValueError:
            raise _error("loss", "the name of a Keras loss, or a loss", loss) from None
    is_several = isinstance(loss, (list, tuple, dict)) and len(loss)
    is_wrong = not callable(loss) or isinstance(loss, (type, *_OBJECTS))
    if not isinstance(loss, str) and not is_several and is_wrong:
        what = "a Keras loss such as keras.losses.MeanSquaredError(), with () behind, or its name"
        raise _error("loss", what, loss)


def _is_metric(metric):
    if isinstance(metric, str):
        try:
            return metric in _BY_SHAPE or keras.metrics.get(metric) is not None
        except ValueError:
            return False
    return isinstance(metric, (keras.metrics.Metric, list, tuple, dict)) or _is_function(metric)


def _is_function(value):
    return callable(value) and not isinstance(value, (type, *_OBJECTS))


def _is_callback(callback):
    return isinstance(callback, keras.callbacks.Callback)


_LISTS = (
    ("metrics", _is_metric, "Keras metrics or their names"),
    ("evaluators", _is_function, "callables"),
    ("callbacks", _is_callback, "Keras callbacks"),
    ("kept_steps", is_integer, "steps"),
)


def _check_list(name, values, is_one, what):
    if not isinstance(values, (list, tuple)):
        raise _error(name, f"a list of {what}, in brackets", values)
    for value in values:
        if not is_one(value):
            raise _error(name, f"a list of {what}; of classes instances, with () behind", value)


def _error(name, what, value, kind=""):
    received = repr(value)
    if not isinstance(value, (str, int, float, list, tuple, dict, type, type(None))):
        received = f"an object of type {type(value).__name__}"
    return ValueError(f"`{name}` must be {what}. Received: {kind}{received}.")
