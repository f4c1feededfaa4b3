"""Checks of arguments that more than one part of the package makes."""

import inspect
import math
import numbers
import os
from collections.abc import Iterable
from typing import Any

import numpy as np


def refuse_class(argument: str, value, example: str):
    """Raises a `ValueError` if a class was given where an instance of it is meant.

    Args:
        argument: the argument's name.
        value: what was given.
        example: how an instance is made.
    """
    if isinstance(value, type):
        raise ValueError(
            f"`{argument}` takes an instance, not a class: write {example}. "
            f"Received: the class {value.__name__}."
        )


def check_callback(callback, kind: type):
    """Raises a `ValueError` if Keras was given a callback's class, whose methods it then calls.

    Args:
        callback: `self`, as a method of the callback got it.
        kind: the callback's class.
    """
    if not isinstance(callback, kind):
        refuse_class("callbacks", kind, f"callbacks=[sos.{kind.__name__}()]")


def can_be_called_with(function, *arguments) -> bool:
    """Returns whether a callable takes these arguments, as far as its signature tells."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some of those written in C have none
        return True
    try:
        signature.bind(*arguments)
    except TypeError:
        return False
    return True


def check_integer(name: str, value, least: int, greatest: int | None = None):
    """Raises a `ValueError` that names the argument unless it is an integer of a range.

    Args:
        name: the argument's name.
        value: its value, of any type.
        least: the least value allowed.
        greatest: the greatest one; None for no bound.
    """
    allowed = f"at least {least}" if greatest is None else f"from {least} to {greatest}"
    if not is_integer(value):
        raise ValueError(f"`{name}` must be an integer, {allowed}. Received: {value!r}.")
    if value < least or (greatest is not None and value > greatest):
        raise ValueError(f"`{name}` must be {allowed}. Received: {value}.")


def check_number(
    name: str,
    value: Any,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
) -> None:
    """Raises a `ValueError` that names the argument unless it is a finite number of a range.

    Args:
        name: the argument's name.
        value: its value, of any type.
        least: the least value allowed, or
        above: what it must be above; None for no bound.
        most: the greatest value allowed, or
        below: what it must be below; None for no bound.
    """
    low, high = (above if least is None else least), (below if most is None else most)
    if is_number(value):
        is_above = low is None or (value > low if least is None else value >= low)
        is_below = high is None or (value < high if most is None else value <= high)
        if is_above and is_below:
            return
    from_low = "" if low is None else f" {'above' if least is None else 'of at least'} {low}"
    to_high = "" if high is None else f" {'below' if most is None else 'of at most'} {high}"
    allowed = from_low or to_high
    if low is not None and high is not None:
        allowed = f" in {'(' if least is None else '['}{low}, {high}{')' if most is None else ']'}"
    raise ValueError(f"`{name}` must be a number{allowed}. Received: {value!r}.")


def check_flag(name: str, value):
    """Raises a `ValueError` that names the argument unless it is True or False."""
    if not isinstance(value, bool):
        raise ValueError(f"`{name}` must be True or False. Received: {value!r}.")


def several_names(name: str, value) -> tuple[str, ...] | None:
    """Returns one name, or several, as a tuple; None stays None.

    Raises:
        ValueError: naming the argument, for anything else.
    """
    if value is None:
        return None
    several = (
        tuple(value) if isinstance(value, Iterable) and not isinstance(value, str) else (value,)
    )
    if not all(isinstance(each, str) for each in several):
        raise ValueError(f"`{name}` must be None, a name, or a list of names. Received: {value!r}.")
    return several


def check_path(name: str, value):
    """Raises a `ValueError` that names the argument unless it is None, text or a path."""
    if value is not None and not isinstance(value, (str, os.PathLike)):
        raise ValueError(f"`{name}` must be text, or None. Received: {value!r}.")


def is_integer(value) -> bool:
    """Returns whether a value is an integer, and no truth value."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def is_number(value) -> bool:
    """Returns whether a value is a finite number, of Python or numpy, and no truth value."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond all floats
        return False
