"""What a run keeps of a step for others to begin from: arrays by the paths of layers.

A snapshot is an archive that numpy reads alone, `snapshots/step_00000000.npz` in the directory of a
run. It holds `weights/PATH`, every variable of the model's layers, and where kernels hold a
reparametrization of weights, the weights; `masks/PATH`, which weights of
each sparse kernel are present; `values/PATH`, of kernels that a technique scales (the gates of L0
regularization), what evaluation computes with; `technique/PATH`, what a technique learns beside a
kernel; `optimizer/NAME`, where that was asked for; `kernels`, the paths of all kernels in their
order; `fixed`, those of them whose masks were given and never change; and `step`. What numpy has no
type for, such as bfloat16, is stored as float32.
"""

import dataclasses
import os
import pathlib
from typing import Any

import keras
import numpy as np

from state_of_sparsity import atomic_write, zip_years
from state_of_sparsity.errors import UsageError
from state_of_sparsity.layers.fixed_mask import FixedMask
from state_of_sparsity.layers.masked import MaskedWrapper
from state_of_sparsity.surgery.structure import model_kernels
from state_of_sparsity.surgery.variables_by_path import variables_by_path
from state_of_sparsity.wrapping.kernels import made_unique

_NAMES = ("kernels", "fixed")
_PARTS = ("weights", "masks", "values", "technique", "optimizer")
_REMEDY = "Train the run again in another directory, and begin from that."


class SnapshotError(UsageError):
    """A snapshot that is not there or cannot be used; the message names it and says what to do."""


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """The state of a model at one step.

    Args:
        step: optimizer steps completed.
        kernels: the paths of all kernels, in the order of the layers.
        weights: `{path: array}`, every variable of the model's layers as a plain model has it.
        masks: `{kernel path: boolean array}`, of sparse kernels.
        values: `{kernel path: array}`, of kernels that evaluation computes with other values of.
        technique: `{path: array}`, what techniques learn beside kernels.
        optimizer: `{name: array}`, of the optimizer; empty unless it was asked for.
        fixed: the paths of kernels whose masks were given and never change.
    """

    step: int
    kernels: tuple[str, ...]
    weights: dict[str, np.ndarray]
    masks: dict[str, np.ndarray]
    values: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    technique: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    optimizer: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    fixed: tuple[str, ...] = ()

    @property
    def as_evaluated(self) -> dict[str, np.ndarray]:
        """The weights that evaluation computes with: masked ones are zero."""
        weights = {**self.weights, **self.values}
        return weights | {path: np.where(m, weights[path], 0) for path, m in self.masks.items()}


def take(model: keras.Model, step: int, optimizer: bool = False) -> Snapshot:
    """Returns the state of a model now, copied.

    Args:
        model: a built Keras model; compiled, where its optimizer is asked for.
        step: optimizer steps completed.
        optimizer: whether to take the variables of its optimizer too.
    """
    variables, technique = variables_by_path(model)
    kernels = model_kernels(model)
    weights = _arrays(variables)
    sparse: list[Any] = [kernel for kernel in kernels if kernel.wrapper is not None]
    for kernel in sparse:
        if kernel.wrapper.reparametrization is not None:  # what a plain model would have
            weights[kernel.path] = _array(kernel.wrapper.weight_array(kernel))
    scaled = [k for k in sparse if not isinstance(k.wrapper, MaskedWrapper)]
    slots = model.optimizer.variables if optimizer else []
    # Without the optimizer's own name, to which Keras gives a number; wrapped ones repeat some.
    slot_names = made_unique(variable.path.partition("/")[2] for variable in slots)
    return Snapshot(
        step,
        tuple(kernel.path for kernel in kernels),
        weights,
        {kernel.path: np.array(kernel.mask()) for kernel in sparse},
        {kernel.path: _array(kernel.values()) for kernel in scaled},
        _arrays(technique),
        _arrays(dict(zip(slot_names, slots, strict=True))),
        tuple(kernel.path for kernel in sparse if isinstance(kernel.wrapper, FixedMask)),
    )


def save(path: str | os.PathLike, snapshot: Snapshot) -> None:
    """Writes a snapshot, atomically.

    Args:
        path: a file name that ends in `.npz`; its folder is made if need be.
        snapshot: what `take` returned.
    """
    arrays: dict[str, Any] = {"step": np.array(snapshot.step)}
    for name in _NAMES:
        arrays[name] = np.array(getattr(snapshot, name), dtype=str)
    for part in _PARTS:
        arrays |= {f"{part}/{name}": value for name, value in getattr(snapshot, part).items()}
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    with atomic_write.atomic_path(path) as temporary, zip_years.any_year():
        np.savez(temporary, **arrays)


def read(path: str | os.PathLike, remedy: str = _REMEDY) -> Snapshot:
    """Reads what `save` wrote.

    Args:
        path: the file.
        remedy: what to do about a file that cannot be used, for the message.

    Raises:
        SnapshotError: if it is not there, damaged, or no snapshot.
    """
    try:
        if not pathlib.Path(path).is_file():  # a pipe would be waited for
            raise ValueError("it is no file")
        # Opened here, since numpy leaves a file open that turns out to be damaged.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            parts = {part: {} for part in _PARTS}
            for name in archive.files:
                part, _, rest = name.partition("/")
                if rest and part in parts:
                    parts[part][rest] = archive[name]
            kernels = tuple(map(str, archive["kernels"]))
            # Earlier versions did not say it.
            fixed = tuple(map(str, archive.get("fixed", ())))
            snapshot = Snapshot(int(archive["step"]), kernels, **parts, fixed=fixed)
            _check(snapshot)
            return snapshot
    except Exception as error:  # the readers of damaged archives raise nearly anything
        reason = "it is no archive of arrays" if "unsafely" in str(error) else error
        raise SnapshotError(f"{path} must be a snapshot of a run ({reason}). {remedy}") from error


def _check(snapshot):
    for part in (snapshot.masks, snapshot.values):
        for path, array in part.items():
            if array.shape != snapshot.weights[path].shape:
                raise ValueError(f"its array for {path!r} has another shape than the weights")
    if any(mask.dtype != bool for mask in snapshot.masks.values()):
        raise ValueError("its masks are not Boolean")


def _arrays(variables):
    return {path: _array(keras.ops.convert_to_numpy(v)) for path, v in variables.items()}


def _array(value):
    # A file would hold types that are not numpy's own as bytes without a meaning.
    is_numpys = np.asarray(value).dtype.isbuiltin == 1
    # Copied: some backends hand out the memory that the next step writes to.
    return np.array(value, None if is_numpys else "float32")
