"""Whole numbers rounded up."""


def round_up(number: int, multiple: int) -> int:
    """Returns the least multiple that is at least `number`.

    Example:

    >>> round_up(17, 16)
    32
    """
    return -(-number // multiple) * multiple
