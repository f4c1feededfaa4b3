"""An experiment in words: model, kernels, and its schedules over the steps."""

import functools
import itertools
import math

from state_of_sparsity.layers.fixed_mask import FixedMask
from state_of_sparsity.optimizers.learning_rate import learning_rate_at
from state_of_sparsity.schedules.answers import sparsity_at
from state_of_sparsity.schedules.target_sparsity import TargetSparsity
from state_of_sparsity.surgery import structure
from state_of_sparsity.tables import aligned
from state_of_sparsity.training.start_description import describe_start

_ROWS = 11


def describe(experiment, model, begun=True):
    """Returns the model's layers, its kernels, and learning rate and schedules over the steps.

    Args:
        experiment: the `Experiment`.
        model: what `experiment.build()` returned.
        begun: whether it has begun where the experiment's `start` says; else it has no masks yet.

    Returns:
        Text of several lines.
    """
    lines = []
    model.summary(print_fn=lambda text, **_: lines.append(text))
    start = experiment.start
    awaits_masks = start is not None and start.masks_of is not None and not begun
    lines += ["", *aligned(_kernel_rows(model, awaits_masks), "<>><"), ""]
    lines += _schedule_table(experiment, model)
    if start is not None:
        lines += ["", *describe_start(start, experiment.seed, experiment.steps)]
    return "\n".join(lines)


def _kernel_rows(model, awaits_masks):
    """Returns a row a kernel; before masks are there, any kernel may get one."""
    kernels = structure.model_kernels(model)
    rows = [("kernel", "shape", "weights", "technique")]
    for kernel in kernels:
        shape = "x".join(map(str, kernel.variable.shape))
        technique = "FixedMask, if it has one there" if awaits_masks else "dense"
        if kernel.wrapper is not None:
            technique = type(kernel.wrapper).__name__
        rows.append((kernel.path, shape, _size([kernel]), technique))
    rows.append(("all kernels", "", _size(kernels), ""))
    if awaits_masks:
        return rows
    sparse = [kernel for kernel in kernels if kernel.wrapper is not None]
    rows.append(("kernels that are made sparse", "", _size(sparse), ""))
    fixed = [kernel for kernel in sparse if isinstance(kernel.wrapper, FixedMask)]
    if fixed:
        left = sum(int(kernel.mask().sum()) for kernel in fixed)
        rows.append(("weights that fixed masks leave", "", f"{left:,}", ""))
    return rows


def _size(kernels):
    return f"{sum(math.prod(kernel.variable.shape) for kernel in kernels):,}"


def _schedule_table(experiment, model):
    """Returns lines: one row a step, one column for each thing that changes over the steps."""
    rate = functools.partial(learning_rate_at, model.optimizer)
    schedules = _schedules(model)
    columns = {"learning rate": rate, **schedules}
    steps = sorted({experiment.last_step * row // (_ROWS - 1) for row in range(_ROWS)})
    steps = sorted({*steps, *_turns(schedules.values(), steps)})
    rows = [[str(step), *(f"{column(step):.6g}" for column in columns.values())] for step in steps]
    return aligned([["step", *columns], *rows], ">", least=10)


def _turns(schedules, steps):
    """Returns a step between two rows where a schedule is above or below both, as in phases."""
    found = []
    for start, end in itertools.pairwise(steps):
        between = [start + (end - start) * quarter // 4 for quarter in (2, 1, 3)]
        ends = [sorted((value(start), value(end))) for value in schedules]
        out = (
            step
            for step in between
            for value, (low, high) in zip(schedules, ends, strict=True)
            if not low <= value(step) <= high and not math.isnan(low + high + value(step))
        )
        found += itertools.islice(out, 1)
    return found


def _schedules(model):
    """Returns a column for each different schedule of sparsity or penalty in the model."""
    columns = {}
    for path, wrapper in structure.sparse_layers(model).items():
        for attribute, name in (("schedule", "sparsity"), ("penalty_weight", "penalty")):
            schedule = getattr(wrapper, attribute, None)
            if schedule is None or isinstance(schedule, TargetSparsity):  # which has no plan
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
