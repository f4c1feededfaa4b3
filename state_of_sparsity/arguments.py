"""Checks of arguments that more than one part of the package makes."""

import inspect


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
