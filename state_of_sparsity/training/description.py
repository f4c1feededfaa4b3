"""An experiment in words: model, kernels, and its schedules over the steps."""

import functools
import math

from state_of_sparsity.optimizers.learning_rate import learning_rate_at
from state_of_sparsity.schedules.answers import sparsity_at
from state_of_sparsity.surgery import structure

_ROWS = 11


def describe(experiment, model):
    """Returns the model's layers, its kernels, and learning rate and schedules over the steps.

    Args:
        experiment: the `Experiment`.
        model: what `experiment.build()` returned.

    Returns:
        Text of several lines.
    """
    lines = []
    model.summary(print_fn=lambda text, **_: lines.append(text))
    kernels = structure.model_kernels(model)
    lines += ["", f"{'kernel':40} {'shape':>20} {'weights':>12}  technique"]
    for kernel in kernels:
        shape = "x".join(map(str, kernel.variable.shape))
        technique = type(kernel.wrapper).__name__ if kernel.wrapper is not None else "dense"
        lines.append(f"{kernel.path:40} {shape:>20} {_size([kernel]):>12,}  {technique}")
    sparse = [kernel for kernel in kernels if kernel.wrapper is not None]
    lines.append(f"{'all kernels':40} {'':>20} {_size(kernels):>12,}")
    lines.append(f"{'kernels that are made sparse':40} {'':>20} {_size(sparse):>12,}")
    return "\n".join([*lines, "", *_schedule_table(experiment, model)])


def _size(kernels):
    return sum(math.prod(kernel.variable.shape) for kernel in kernels)


def _schedule_table(experiment, model):
    """Returns lines: one row a step, one column for each thing that changes over the steps."""
    rate = functools.partial(learning_rate_at, model.optimizer)
    columns = {"learning rate": rate, **_schedules(model)}
    steps = sorted({experiment.steps * row // (_ROWS - 1) for row in range(_ROWS)})
    lines = [f"{'step':>10}" + "".join(f"  {name:>16}" for name in columns)]
    for step in steps:
        values = "".join(f"  {column(step):>16.6g}" for column in columns.values())
        lines.append(f"{step:>10}{values}")
    return lines


def _schedules(model):
    """Returns a column for each different schedule of sparsity or penalty in the model."""
    columns = {}
    for path, wrapper in structure.sparse_layers(model).items():
        for attribute, name in (("schedule", "sparsity"), ("penalty_weight", "penalty")):
            schedule = getattr(wrapper, attribute, None)
            if schedule is None:
                continue
            key = (
                repr(schedule)
                if not hasattr(schedule, "get_config")
                else str(schedule.get_config())
            )
            columns.setdefault((name, key), (path, schedule))
    several = len(columns) > 1
    return {
        f"{name} {path}" if several else name: _value_at(name, schedule)
        for (name, _), (path, schedule) in columns.items()
    }


def _value_at(name, schedule):
    """Returns a function of the step: the sparsity, or the penalty's weight; NaN for neither."""
    if not callable(schedule):
        return lambda step: float(schedule)
    if name == "penalty":
        return lambda step: float(schedule(step))

    def sparsity(step):
        found = sparsity_at(schedule, step)
        return math.nan if found is None else found

    return sparsity
