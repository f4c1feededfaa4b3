"""What lets a program begin sooner that will import Keras and TensorFlow."""

import gc
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


def prepare():
    """Spares a process some of the time that it takes to import Keras; before that."""
    # Half a million objects that stay are made meanwhile, and looked through again and again.
    gc.set_threshold(100_000, 10, 10)
    if _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)


def _is_being_imported(name):
    return getattr(getattr(sys.modules.get(name), "__spec__", None), "_initializing", False)
