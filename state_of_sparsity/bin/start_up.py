"""What lets a program begin sooner that will import Keras and TensorFlow."""

import gc
import sys


class _Finder:
    """Says of a package that it is not there, while Keras is imported, which can do without it.

    Keras wraps models for scikit-learn, takes tables of pandas, and draws galleries of images.
    Where torch is its backend, packages are there: torch looks for all that it knows, and takes no
    error for an answer.
    """

    @staticmethod
    def find_spec(name, path=None, target=None):
        spared = name in ("matplotlib", "pandas", "sklearn") and "torch" not in sys.modules
        if spared and _is_being_imported("keras"):
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
