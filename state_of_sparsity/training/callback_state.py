"""The state of Keras callbacks, as far as it is made of plain values.

Keras gives callbacks no way to say what their state is. What `EarlyStopping`, `ReduceLROnPlateau`
and most others count and compare is kept in attributes that are numbers.
"""

import inspect

import numpy as np


def read(callback) -> dict:
    """Returns the attributes of a callback that JSON can hold.

    Arguments of its constructor are left out: the configuration gives them.

    Args:
        callback: a Keras callback.

    Returns:
        `{attribute: number, text, None, or a list of these}`.

    Example:

    >>> read(keras.callbacks.EarlyStopping(patience=3))["wait"]
    0
    """
    configured = inspect.signature(type(callback).__init__).parameters
    found = {}
    for name, value in vars(callback).items():
        value = value.item() if isinstance(value, np.generic) else value
        if name not in configured and name not in ("params", "_model") and _is_plain(value):
            found[name] = value
    return found


def write(callback, state: dict):
    """Sets the attributes that `read` returned."""
    for name, value in state.items():
        setattr(callback, name, value)


def _is_plain(value):
    if isinstance(value, list):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, (bool, int, float, str))
