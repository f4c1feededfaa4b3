"""Functions that numba compiles, kept on disk between processes where there is a place for that."""

import contextlib
import inspect
import pathlib

from state_of_sparsity import extras

with extras.explained():
    import numba


def machine_code(function):
    """Has numba compile a function when it is first called; other threads go on while it runs.

    What was compiled is kept beside the file, or in the user's own folder where that cannot be
    written, as in an installation for all users; where neither can, each process compiles anew.
    """
    _forget_older_code(function)
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # numba's word for: no place to write to
        return numba.njit(nogil=True)(function)


def _forget_older_code(function):
    """Removes what was compiled before a file beside the function's was changed.

    Numba looks at the function's own file alone, and what that calls is compiled with it.
    """
    folder = pathlib.Path(inspect.getfile(function)).parent
    with contextlib.suppress(OSError):  # where it cannot be written, it is not kept there
        changed = max(path.stat().st_mtime for path in folder.glob("*.py"))
        for index in folder.glob(f"__pycache__/*.{function.__name__}-*.nbi"):
            if index.stat().st_mtime < changed:
                index.unlink(missing_ok=True)
