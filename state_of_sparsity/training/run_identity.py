"""What a run was: technique and distribution, data set, model, optimizer, as results name them."""

import math
import re

import numpy as np

from state_of_sparsity.layers.fixed_mask import FixedMask
from state_of_sparsity.optimizers.learning_rate import innermost, learning_rate_at, schedule_of
from state_of_sparsity.schedules.answers import sparsity_at
from state_of_sparsity.surgery import structure

_SAMPLES = 101  # of a learning rate, in each round of the search for its peak


def identity(experiment, model, rows) -> dict:
    """Returns what tells a run from others, as values of JSON by name.

    Args:
        experiment: the `Experiment`.
        model: its trained model, wrappers and all.
        rows: the metrics of the run, one dict an evaluation.
    """
    steps, name = rows[-1]["step"], getattr(experiment.data, "name", None)
    return {
        "name": experiment.name,
        "technique": technique(model),
        "distribution": distribution(model, steps),
        "start": None if experiment.start is None else experiment.start.name,
        "target_sparsity": target_sparsity(model, steps),
        "data_set": name if isinstance(name, str) else _snake(type(experiment.data)),
        "model": model.name,
        "optimizer": type(innermost(model.optimizer)).__name__,
        "learning_rate": peak_learning_rate(model.optimizer, rows),
        "batch_size": experiment.data.batch_size,
    }


def technique(model) -> str:
    """Returns the model's techniques in snake case, joined by `+`; `dense` without any."""
    names = {_snake(type(wrapper)) for wrapper in structure.sparse_layers(model).values()}
    return "+".join(sorted(names)) or "dense"


def distribution(model, steps: int) -> str | None:
    """Returns how the model's zeros are shared among kernels, several joined by `+`.

    `uniform` where all kernels follow one sparsity, `layerwise` where layers have sparsities of
    their own; else the class of the distribution, such as `erdos_renyi_kernel`. None for dense
    models, and for techniques that have no such choice.

    Args:
        model: a sparse or dense model.
        steps: the last step.
    """
    scheduled = [w for w in structure.sparse_layers(model).values() if hasattr(w, "distribution")]
    own = "uniform" if len(_targets(scheduled, steps)) < 2 else "layerwise"
    names = {own if w.distribution is None else _snake(type(w.distribution)) for w in scheduled}
    return "+".join(sorted(names)) or None


def target_sparsity(model, steps: int) -> float | None:
    """Returns the sparsity that all schedules agree on at the last step, else None.

    Of a model whose masks are fixed it is the one they have together.
    """
    wrappers = structure.sparse_layers(model).values()
    if wrappers and all(isinstance(wrapper, FixedMask) for wrapper in wrappers):
        kernels = [kernel for wrapper in wrappers for kernel in wrapper.sparse_kernels]
        # One mask at a time: all of a large model are a byte a weight.
        present = sum(int(np.count_nonzero(kernel.mask())) for kernel in kernels)
        return round(1 - present / sum(math.prod(kernel.shape) for kernel in kernels), 3)
    targets = _targets(wrappers, steps)
    return targets.pop() if len(targets) == 1 else None


def peak_learning_rate(optimizer, rows) -> float:
    """Returns the greatest learning rate of a run.

    Args:
        optimizer: the optimizer that trained.
        rows: as for `identity`; their `learning_rate` counts where a callback has set it.
    """
    low, high = 0, rows[-1]["step"] - 1
    peak = max([row["learning_rate"] for row in rows if "learning_rate" in row], default=0.0)
    # What is no schedule has its present value alone.
    while callable(schedule_of(optimizer)):
        steps = np.unique(np.linspace(low, high, _SAMPLES).astype(int))
        rates = [learning_rate_at(optimizer, step) for step in steps]
        best = int(np.argmax(rates))
        peak = max(peak, rates[best])
        if high - low < _SAMPLES:
            break
        low, high = steps[max(best - 1, 0)], steps[min(best + 1, len(steps) - 1)]
    return float(f"{peak:.6g}")  # it was computed in float32


def _targets(wrappers, steps):
    schedules = [getattr(wrapper, "schedule", None) for wrapper in wrappers]
    found = [sparsity_at(schedule, steps) for schedule in schedules if schedule is not None]
    return {None if sparsity is None else round(sparsity, 6) for sparsity in found}


def _snake(kind):
    # A single capital at the end is no word: RigL.
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z]|[A-Z]{2})", "_", kind.__name__).lower()
