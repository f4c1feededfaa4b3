"""`UsageError`: what a user can put right."""


class UsageError(Exception):
    """Something that the user can put right; the message says what, and what to do.

    Programs show it in one line, without a traceback. Those that Python has a type for are of that
    type as well, as `OutputPathError` is a `ValueError`. What the library's functions are given is
    checked with a plain `ValueError`, as in Keras; programs know from where it comes
    (`bin/users_errors.py`). Whatever else is raised is a mistake of ours.
    """
