"""Checkpoints from which a run goes on bit for bit.

Keras's `.keras` and `.weights.h5` files leave out the states of `SeedGenerator`s, so dropout,
variational dropout and L0 gates would go on with other random numbers. These hold every variable of
the model (masks and seeds included) and of the optimizer (its step counter included).
"""

import json
import math
import pathlib
import re

import keras
import numpy as np

from state_of_sparsity import atomic_write, zip_years
from state_of_sparsity.errors import UsageError
from state_of_sparsity.surgery import structure
from state_of_sparsity.training.runs import callback_state
from state_of_sparsity.version import __version__
from state_of_sparsity.wrapping.stored_weights import reparametrization_of, set_weights

FORMAT = 1
_HEADER = "header"


class CheckpointError(UsageError):
    """A checkpoint that cannot be used; the message names the file and says what to do."""


def save(path, model, step, wall_time_s=0.0, callbacks=(), write=True):
    """Writes every variable of a compiled model and its optimizer to `path`, atomically.

    Args:
        path: a file name that ends in `.npz`.
        model: a built and compiled Keras model whose optimizer is built.
        step: optimizer steps completed.
        wall_time_s: seconds that training took so far.
        callbacks: Keras callbacks whose state is saved (`callback_state`).
        write: whether to write; a worker that is not the chief only takes part in the reading.
    """
    variables = _variables(model)
    header = {
        "format": FORMAT,
        "version": __version__,
        "step": step,
        "wall_time_s": wall_time_s,
        "variables": _description(variables),
        "techniques": _techniques(model),
        "stopped": bool(model.stop_training),
        "callbacks": [callback_state.read(callback) for callback in callbacks],
    }
    arrays = {f"{i:05d}": keras.ops.convert_to_numpy(v) for i, v in enumerate(variables)}
    if not write:
        return
    with atomic_write.atomic_path(path) as temporary, zip_years.any_year():
        np.savez(temporary, **{_HEADER: np.array(json.dumps(header))}, **arrays)


def restore(path, model):
    """Reads a checkpoint back into a compiled model and its optimizer.

    Args:
        path: a file that `save` wrote.
        model: a model built and compiled as the one saved was; its optimizer must be built.

    Returns:
        The header: a dict with `step`, `wall_time_s`, `stopped` (whether a callback had ended the
        training), the states of `callbacks`, and a description of what was saved.

    Raises:
        CheckpointError: if the file is damaged, not a checkpoint, of another format, or of another
            model, optimizer or technique. The model is unchanged then.
    """
    header, arrays = _read(path)
    _check_format(path, header)
    variables = _variables(model)
    _check_same(path, "techniques", header["techniques"], _techniques(model))
    description = _description(variables)
    _check_same(path, "variables", _named_as_now(header["variables"], description), description)
    for variable, array in zip(variables, arrays, strict=True):
        # numpy cannot name bfloat16 and stores its bytes.
        variable.assign(array.view(variable.dtype) if array.dtype.kind == "V" else array)
    return header


class Checkpoints:
    """The checkpoints of one run, `step_00000100.npz` and so on; the oldest are removed.

    Args:
        directory: where they lie.
        keep: how many to keep, at least 1.
        write: whether this process writes them, or another one.
    """

    def __init__(self, directory, keep=2, write=True):
        self._directory = pathlib.Path(directory)
        self._keep = keep
        self._write = write

    def paths(self):
        """Returns the checkpoints there are, the oldest first."""
        # From a hundred million steps on, their numbers have a digit more.
        return sorted(self._directory.glob("step_*.npz"), key=lambda p: (len(p.name), p.name))

    def save(self, model, step, wall_time_s=0.0, callbacks=()):
        """Saves a checkpoint of `step` and removes those beyond the number to keep."""
        path = self._directory / f"step_{step:08d}.npz"
        save(path, model, step, wall_time_s, callbacks, self._write)
        if self._write:
            for path in self.paths()[: -self._keep]:
                path.unlink()

    def restore_latest(self, model, averaged=1):
        """Restores the latest checkpoint, if any; returns its header, or None without one.

        Args:
            model: as for `restore`.
            averaged: of how many checkpoints, the latest one included, to take the mean; fewer
                where there are not so many: of weights and moving statistics. Masks, counters and
                seeds are the latest one's, and so is the optimizer.
        """
        paths = self.paths()[-averaged:]
        if len(paths) < 2:
            return restore(paths[-1], model) if paths else None
        sums = 0.0
        for path in paths:
            header = restore(path, model)
            values = [_weights(v).astype("float64") for v in _averaged(model)]
            sums = [a + b for a, b in zip(sums, values, strict=True)] if sums else values
        for variable, total in zip(_averaged(model), sums, strict=True):
            set_weights(variable, total / len(paths))
        return header


def _weights(variable):
    """Returns the weights of a variable, which may store roots of them."""
    form = reparametrization_of(variable)
    return keras.ops.convert_to_numpy(variable if form is None else form.weight(variable.value))


def _averaged(model):
    # Weights and moving statistics; masks are Boolean, counters and seeds integers.
    return [v for v in model.variables if keras.backend.is_float_dtype(v.dtype)]


def _variables(model):
    return [*model.variables, *model.optimizer.variables]


def _description(variables):
    # Names that Keras numbers by the process's history, such as `dropout_3`, lose their number.
    return [
        [
            _without_numbers(v.path),
            list(v.shape),
            keras.backend.standardize_dtype(v.dtype),
        ]
        for v in variables
    ]


def _named_as_now(saved, present):
    """Returns a saved description with the state beside kernels named by its kernel's path.

    It was once named by the layer's: `dense/mask` for what is `block/dense/kernel_mask`, and so
    was an optimizer's state beside it.
    """
    state = re.compile(r".*((mask|log_sigma2|log_alpha|penalty_weight).*)")
    if len(saved) != len(present):
        return saved
    return [
        now if (found := state.match(name)) and now[0].endswith(found[1]) else [name, *rest]
        for (name, *rest), now in zip(saved, present, strict=True)
    ]


def _techniques(model):
    wrappers = structure.sparse_layers(model)
    return [[_without_numbers(path), type(w).__name__] for path, w in wrappers.items()]


def _without_numbers(path):
    return re.sub(r"_\d+(?=[/_]|$)", "", path)


def _read(path):
    try:
        if not pathlib.Path(path).is_file():  # a pipe would be waited for
            raise ValueError("it is no file that can be found")
        # Opened here, since numpy leaves a file open that turns out to be damaged.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            header = json.loads(str(archive[_HEADER][()]))
            _check_header(header)
            arrays = [archive[name] for name in archive.files if name != _HEADER]
            _check_arrays(arrays, header["variables"])
            return header, arrays
    except KeyError:
        raise CheckpointError(
            f"{path} is not a checkpoint of this package. Remove it and run again."
        ) from None
    except Exception as error:  # the readers of damaged archives raise nearly anything
        # Numpy takes what is no archive for a pickle, and advises to load it as one.
        reason = "it is no archive of arrays" if "unsafely" in str(error) else error
        raise CheckpointError(
            f"Checkpoint {path} is damaged ({reason}). Remove it and run again, to go on from the "
            "checkpoint before it or, where there is none, from the start."
        ) from error


def _check_header(header):
    if header.get("format") != FORMAT:
        return  # which `_check_format` says
    kinds = {"step": int, "wall_time_s": (int, float), "techniques": list, "variables": list}
    for name, kind in kinds.items():
        value = header[name]
        if not isinstance(value, kind) or (kind is not list and not 0 <= value < math.inf):
            raise ValueError(f"its `{name}` is {value!r}")
    if not all(isinstance(state, dict) for state in header.get("callbacks", ())):
        raise ValueError("its `callbacks` are no states of callbacks")


def _check_arrays(arrays, description):
    """Raises if an array is not what was written; numpy reads less where a smaller type is said."""
    types = [[list(a.shape), a.dtype.name if a.dtype.kind != "V" else "bfloat16"] for a in arrays]
    if types != [[shape, dtype] for _, shape, dtype in description]:
        raise ValueError("its arrays are not those that its header names")


def _check_format(path, header):
    if header.get("format") != FORMAT:
        raise CheckpointError(
            f"Checkpoint {path} has format {header.get('format')} (written by version "
            f"{header.get('version')}); this version, {__version__}, reads format {FORMAT}. Use "
            "the version that wrote it, or start again in another `run_dir`."
        )


def _check_same(path, what, saved, expected):
    if saved == expected:
        return
    pairs = zip(saved, expected, strict=False)
    first = next(
        (f"{a} in the file, {b} in the model" for a, b in pairs if a != b),
        f"{len(saved)} in the file, {len(expected)} in the model",
    )
    raise CheckpointError(
        f"Checkpoint {path} belongs to another model, optimizer or technique; the first difference "
        f"in its {what}: {first}. Use the configuration that it was written with, or another "
        "`run_dir`."
    )
