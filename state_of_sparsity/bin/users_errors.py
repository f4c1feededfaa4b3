"""Which errors that rise before the first step are the configuration's, and which are our own."""

import pathlib

_PACKAGE = pathlib.Path(__file__).resolve().parents[1]
# Raised by our own code, these are mistakes of ours: what users give is checked by name.
_OURS = (AttributeError, AssertionError, LookupError, NameError)


def is_the_users(error):
    """Returns whether an error comes of what was configured, as far as that can be told.

    Until a step has been taken, what fails is what was configured: whatever libraries raise, or
    code of the user's, and what our own code raises on purpose. The rest is ours.

    Args:
        error: an exception that was caught.
    """
    return not (isinstance(error, _OURS) and _raised_in(error).is_relative_to(_PACKAGE))


def _raised_in(error):
    """Returns the file of the innermost line of a traceback."""
    trace = error.__traceback__
    while trace.tb_next is not None:
        trace = trace.tb_next
    return pathlib.Path(trace.tb_frame.f_code.co_filename)
