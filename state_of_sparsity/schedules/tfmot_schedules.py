"""TF-MOT's schedules, imported without switching the process to Keras 2."""

import contextlib
import functools
import importlib.util
import os
import pathlib
import sys
import types
from collections.abc import Iterator
from typing import Any

from state_of_sparsity import extras

_TFMOT = "tensorflow_model_optimization"
_LEGACY = "TF_USE_LEGACY_KERAS"
# Where TF-MOT defines its schedules: the only module of it that needs no Keras.
_SCHEDULES = f"{_TFMOT}.python.core.sparsity.keras.pruning_schedule"
CLASSES = ("ConstantSparsity", "PolynomialDecay")


def pruning_schedules() -> Any:
    """Returns `tfmot.sparsity.keras`, importing it cleanly.

    Raises:
        MissingExtraError: if TF-MOT is not installed; `sos.schedules` needs neither it nor
            TensorFlow.
    """
    with keras_3_kept(), extras.explained():
        return importlib.import_module(_TFMOT).sparsity.keras


def schedule_class(name: str) -> Any:
    """Returns a class of TF-MOT's module of schedules, without what else it needs Keras 2 for.

    Args:
        name: one of `CLASSES`.

    Raises:
        MissingExtraError: if TF-MOT or TensorFlow is not installed.
    """
    return getattr(_schedules_alone() or pruning_schedules(), name)


def _schedules_alone():
    """Returns the module, or None where this TF-MOT has none or is imported whole."""
    if _SCHEDULES in sys.modules or _TFMOT in sys.modules:
        return sys.modules.get(_SCHEDULES)
    found = importlib.util.find_spec(_TFMOT)
    if found is None:
        return None
    root = pathlib.Path(found.submodule_search_locations[0])
    path = root.joinpath(*_SCHEDULES.split(".")[1:]).with_suffix(".py")
    if not path.is_file():
        return None
    # By its own name, so that the whole, if it is imported later, has the same classes.
    spec = importlib.util.spec_from_file_location(_SCHEDULES, path)
    module = importlib.util.module_from_spec(spec)
    with extras.explained():
        spec.loader.exec_module(module)
    sys.modules[_SCHEDULES] = module
    return module


@contextlib.contextmanager
def keras_3_kept() -> Iterator[None]:
    """Keeps what is imported meanwhile from switching the process to Keras 2.

    TF-MOT's import sets `TF_USE_LEGACY_KERAS=1` for the whole process: a `tf.keras` not touched
    before becomes Keras 2, and child processes inherit the variable.
    """
    with extras.explained():
        import tensorflow as tf

    before = os.environ.get(_LEGACY)
    getattr(tf.keras, "__version__", None)  # settles which Keras `tf.keras` is; Keras 2 has none
    try:
        yield
    finally:
        os.environ.pop(_LEGACY, None)
        if before is not None:
            os.environ[_LEGACY] = before


@contextlib.contextmanager
def imported_when_needed() -> Iterator[None]:
    """Lets `import tensorflow_model_optimization` give a module that waits with its own import.

    It has TF-MOT's schedules at once. Whatever else it is asked for, it imports the whole first.
    Whoever imports TF-MOT afterwards gets TF-MOT.
    """
    with keras_3_kept():
        if _TFMOT in sys.modules or importlib.util.find_spec(_TFMOT) is None:
            yield
            return
        sys.modules[_TFMOT] = _waiting()
        try:
            yield
        finally:
            del sys.modules[_TFMOT]


@functools.cache
def _waiting():
    tfmot, sparsity, keras = _Waiting(), _Waiting("sparsity"), _Waiting("sparsity", "keras")
    tfmot.sparsity, sparsity.keras = sparsity, keras
    return tfmot


class _Waiting(types.ModuleType):
    """A part of TF-MOT that becomes the real one when it is asked for more than schedules."""

    def __init__(self, *path):
        super().__init__(".".join([_TFMOT, *path]))
        self._path = path

    def __getattr__(self, name):
        if name.startswith("__"):  # Python's import looks for these
            raise AttributeError(name)
        if self._path == ("sparsity", "keras") and name in CLASSES:
            return schedule_class(name)
        pruning_schedules()
        real = functools.reduce(getattr, self._path, sys.modules[_TFMOT])
        vars(self).update(vars(real))
        self.__class__ = types.ModuleType
        return getattr(self, name)
