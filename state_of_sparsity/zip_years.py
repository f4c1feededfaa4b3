"""Archives written by a clock that their format has no dates for."""

import contextlib
import time
import types
import zipfile

# The format's years; `zipfile` refuses others.
_FIRST, _LAST = 1980, 2107


@contextlib.contextmanager
def any_year():
    """Lets `zipfile` write archives in any year, for a wrong clock shall not lose a run.

    Checkpoints (`.npz`) and models (`.keras`) are such archives. Files written while the clock is
    before 1980 or after 2107 are dated at that end of these years; the clock is left alone.

    Example:

    >>> with any_year():
    ...     np.savez("weights.npz", kernel=np.zeros(3))
    """
    module = zipfile.time
    zipfile.time = types.SimpleNamespace(**{**vars(time), "localtime": _clamped})
    try:
        yield
    finally:
        zipfile.time = module


def _clamped(seconds=None):
    """Returns what `time.localtime` does, with a year that archives may have."""
    moment = time.localtime(seconds)
    if moment.tm_year < _FIRST:
        return time.struct_time((_FIRST, 1, 1, 0, 0, 0, 1, 1, -1))
    if moment.tm_year > _LAST:
        return time.struct_time((_LAST, 12, 31, 23, 59, 58, 5, 365, -1))
    return moment
