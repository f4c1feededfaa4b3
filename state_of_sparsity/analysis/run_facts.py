"""What reports and plots tell of the runs they show: data, model, optimizer, steps, seeds."""

from collections.abc import Callable, Iterable, Sequence

from state_of_sparsity.analysis.results import Run
from state_of_sparsity.analysis.words import capital, words

# By the key in `result.json`: what it is called, and how a value is written.
_FACTS: dict[str, tuple[str, Callable]] = {
    "data_set": ("data set", words),
    "model": ("model", words),
    "optimizer": ("optimizer", str),
    "learning_rate": ("peak learning rate", "{:.4g}".format),
    "batch_size": ("batch size", "{:,}".format),
    "steps": ("optimizer steps", "{:,}".format),
    "seed": ("seeds", str),
}
_IN_A_TITLE = ("data_set", "model", "optimizer", "learning_rate", "batch_size")
_MOST = 3  # values of one kind in a title


def facts(runs: Iterable[Run]) -> str:
    """Returns sentences such as `Model: LeNet-5. Batch size: 64, 128.`; empty without any."""
    found = ((_FACTS[key][0], values) for key, values in _values(runs, _FACTS).items())
    return " ".join(f"{capital(name)}: {', '.join(values)}." for name, values in found)


def title(runs: Iterable[Run]) -> str:
    """Returns a line for a plot, such as `MNIST, LeNet-5, Adam, batch size 64`; empty without."""
    parts = []
    for key, values in _values(runs, _IN_A_TITLE).items():
        name = "" if key in ("data_set", "model", "optimizer") else f"{_FACTS[key][0]} "
        several = len(values) > _MOST
        parts.append(
            f"{len(values)} {key.replace('_', ' ')}s" if several else name + " or ".join(values)
        )
    return capital(", ".join(parts))


def shown(run: Run, key: str) -> str | None:
    """Returns a fact of a run as it is written, None where it was not recorded."""
    value = run.result.get(key)
    return None if value is None else _FACTS[key][1](value)


def differing(runs: Sequence[Run], keys: Iterable[str]) -> list[str]:
    """Returns those of some keys that the runs have several values of."""
    return [key for key in keys if len({run.result.get(key) for run in runs}) > 1]


def name(key: str) -> str:
    """Returns what a fact is called at the head of a column."""
    return capital(_FACTS[key][0])


def _values(runs, keys):
    runs = list(runs)
    found = {
        key: {run.result[key] for run in runs if run.result.get(key) is not None} for key in keys
    }
    return {key: [_FACTS[key][1](v) for v in sorted(each)] for key, each in found.items() if each}
