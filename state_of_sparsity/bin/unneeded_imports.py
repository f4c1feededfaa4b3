"""Packages that Keras and TensorFlow import where they are there, and no program has use for."""

import sys


class _Finder:
    """Says of a package that it is not there, while those are imported that can do without it.

    TensorFlow Lite converts models of JAX; Keras wraps models for scikit-learn, draws galleries of
    images, and mends an old JAX where that is not its backend.
    """

    @staticmethod
    def find_spec(name, path=None, target=None):
        while_keras = name in ("matplotlib", "sklearn") or (
            name == "jax" and "keras.src.backend.tensorflow" in sys.modules
        )
        if (while_keras and _is_being_imported("keras")) or (
            name == "jax" and _is_being_imported("tensorflow")
        ):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None


def leave_out():
    """Spares a process that will import Keras a quarter of the time that this takes."""
    if _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)


def _is_being_imported(name):
    return getattr(getattr(sys.modules.get(name), "__spec__", None), "_initializing", False)
