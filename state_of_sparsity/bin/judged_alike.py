"""Whether both runs of a line are judged by what they were trained and judged by themselves.

One configuration's data and loss are used for the whole line: the first run's.
"""

from state_of_sparsity.analysis import run_settings

_JUDGES = ("Experiment.data", "Experiment.loss")
_OF_NO_ACCOUNT = ("seed", "batch_size")  # the order and the number of examples that go together
_CLOSE = 0.01  # of a loss, in proportion: other devices round otherwise


def other_settings(first, second):
    """Returns a line on data and loss of the second run that are not the first's; None of none.

    Args:
        first: the settings of the first run, `{name: JSON value}`.
        second: those of the second.
    """
    one, other = _of_judges(first), _of_judges(second)
    found = run_settings.differences(other, [one])
    absent = [name for name in one if name not in other]
    if not (found or absent):
        return None
    said = [run_settings.in_words(found), *(f"{name} not set" for name in absent)]
    return (
        "Data and loss are the first run's. The second was trained with others: "
        f"{', '.join(filter(None, said))}."
    )


def not_as_recorded(rows, place, run_dir, step):
    """Returns a line on figures of an end that are not those of its run's result; None of none.

    Args:
        rows: one a place and split, as `training.interpolation.on_line` yields them.
        place: of the end, 0 or 1.
        run_dir: its `RunDir`.
        step: of its weights.
    """
    result = run_dir.read_result() if run_dir.is_finished else {}
    settings = run_dir.read_settings()
    averaged = _value(settings, "Experiment.averaged_checkpoints", 1)
    precision = _value(settings, "Experiment.precision", "float32")
    if result.get("steps") != step or averaged != 1 or precision != "float32":
        return None  # the result is of other weights, or rounded otherwise
    for split, key in (("test", "loss"), ("validation", "val_loss")):
        recorded = result.get(key)
        for row in rows:
            if (row["split"], row["alpha"]) != (split, place) or recorded is None:
                continue
            if not abs(row["loss"] - recorded) <= _CLOSE * max(abs(row["loss"]), abs(recorded)):
                return (
                    f"No verdict: at {place} the {split} loss is {row['loss']:.4g}, and "
                    f"{recorded:.4g} in the result of {run_dir.path}, so that run was trained with "
                    "other data or another loss than it is judged by here."
                )
    return None


def _of_judges(settings):
    """Returns the settings of data and loss, and of all that these refer to."""
    found, waiting = {}, [key for key in settings if key.endswith(_JUDGES)]
    while waiting:
        key = waiting.pop()
        found[key] = value = _resolved(settings, settings[key])
        if isinstance(value, str) and value.startswith("@"):
            owner = value[1:].removesuffix("()")
            own = [k for k in settings if k.rpartition(".")[0] == owner and k not in found]
            waiting += [k for k in own if k.rpartition(".")[2] not in _OF_NO_ACCOUNT]
    return found


def _value(settings, name, default):
    return next((_resolved(settings, v) for k, v in settings.items() if k.endswith(name)), default)


def _resolved(settings, value):
    """Returns a value in place of the macro that stands for it."""
    while isinstance(value, str) and value[:1] == "%" and value[1:] in settings:
        value = settings[value[1:]]
    return value
