"""Warnings that point at the line the user wrote, whoever called us on the way."""

import sys
import types
import warnings

# Whoever wrote a line of the program is in none of these.
_MACHINERY = ("state_of_sparsity", "keras", "keras_hub", "tensorflow", "jax", "torch", "gin")


def warn(message: str, category=UserWarning):
    """Warns at the innermost line that is neither ours nor that of a library that calls us.

    Python's `stacklevel` counts frames, and how many lie between a user's `fit` and a callback
    depends on Keras and its backend.

    Args:
        message: the text.
        category: the class of the warning.
    """
    caller = sys._getframe(1)
    frame: types.FrameType | None = caller
    while frame is not None and _module(frame).partition(".")[0] in _MACHINERY:
        frame = frame.f_back
    frame = caller if frame is None else frame  # a thread of the library's own
    warnings.warn_explicit(
        message,
        category,
        frame.f_code.co_filename,
        frame.f_lineno,
        module=_module(frame),
        registry=frame.f_globals.setdefault("__warningregistry__", {}),
    )


def _module(frame) -> str:
    return frame.f_globals.get("__name__", "")
