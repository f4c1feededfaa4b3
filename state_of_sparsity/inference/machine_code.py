"""Functions that numba compiles, kept on disk between processes where there is a place for that."""

from state_of_sparsity import extras

with extras.explained():
    import numba


def machine_code(function):
    """Has numba compile a function when it is first called; other threads go on while it runs.

    What was compiled is kept beside the file, or in the user's own folder where that cannot be
    written, as in an installation for all users; where neither can, each process compiles anew.
    """
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # numba's word for: no place to write to
        return numba.njit(nogil=True)(function)
