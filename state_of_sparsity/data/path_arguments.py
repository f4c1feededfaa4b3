"""The check of an argument that must name a file, a folder or a data set."""

import os


def check_path(name, value):
    """Raises a `ValueError` that names the argument unless it is None, text or a path."""
    if value is not None and not isinstance(value, (str, os.PathLike)):
        raise ValueError(f"`{name}` must be text, or None. Received: {value!r}.")
