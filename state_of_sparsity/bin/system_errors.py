"""What the operating system refused, in one line, and what to do about it."""

import errno
import os

_ADVICE = {
    errno.ENOSPC: "Free some space, or choose a place on another disk",
    errno.EDQUOT: "Free some of your quota, or choose another place",
    errno.EFBIG: "Raise the limit on the size of files, or choose another place",
    errno.EROFS: "Choose a place that can be written",
    errno.EACCES: "Choose another place, or see to its permissions",
    errno.EPERM: "Choose another place, or see to its permissions",
    errno.ENAMETOOLONG: "Choose a shorter name",
    errno.ENOTDIR: "Choose a place that does not lie under a file",
    errno.EISDIR: "A file is wanted there: move the directory away, or choose another place",
    errno.EMFILE: "Raise the limit on open files (ulimit -n)",
    errno.EIO: "The disk or the network fails: look at the system's log",
}


def explain(error: OSError, folder: str | os.PathLike | None = None) -> str:
    """Returns an OSError as one line: what was refused, where, and what to do.

    Args:
        error: what was raised.
        folder: where the program writes, for errors that name no file, as those of full disks.

    Example:

    >>> explain(OSError(28, "No space left on device", "runs/one/metrics.csv"))
    'No space left on device: runs/one/metrics.csv. Free some space, or choose a place on another \
disk; then run the same command again.'
    """
    reason = error.strerror or " ".join(str(error).split()) or type(error).__name__
    places = [str(name) for name in (error.filename, error.filename2) if name is not None]
    places = places or ([str(folder)] if folder is not None else [])
    place = f": {' and '.join(places)}" if places else ""
    advice = _ADVICE.get(_number(error), "See that it is there and can be read and written")
    return f"{reason}{place}. {advice}; then run the same command again."


def _number(error):
    # Libraries written in C raise errors that have the number in their text alone.
    named = (n for n in _ADVICE if f"errno = {n}," in str(error))
    return error.errno if error.errno is not None else next(named, None)
