"""The check of an argument that must be an integer in a range."""

import numbers


def check_integer(name, value, least, greatest=None):
    """Raises an error that names the argument, unless it is an integer from `least` to `greatest`.

    Args:
        name: the argument's name.
        value: its value, of any type.
        least: the least value allowed.
        greatest: the greatest one; None for no bound.

    Raises:
        ValueError: if it is none.
    """
    allowed = f"at least {least}" if greatest is None else f"from {least} to {greatest}"
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise ValueError(f"`{name}` must be an integer, {allowed}. Received: {value!r}.")
    if value < least or (greatest is not None and value > greatest):
        raise ValueError(f"`{name}` must be {allowed}. Received: {value}.")
