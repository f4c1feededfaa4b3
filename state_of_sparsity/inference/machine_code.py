"""Functions that numba compiles, kept on disk between processes where there is a place for that."""

import hashlib
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
    # Numba finds it by the name, and looks at the function's own file alone: what that calls, and
    # is compiled with it, lies beside it.
    function.__qualname__ += f"_{_digest(pathlib.Path(inspect.getfile(function)).parent)}"
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # numba's word for: no place to write to
        return numba.njit(nogil=True)(function)


def _digest(folder):
    """Returns a number, in letters, that changes with any file of Python in a folder."""
    contents = b"".join(path.read_bytes() for path in sorted(folder.glob("*.py")))
    return hashlib.sha256(contents).hexdigest()[:16]
