"""The state of Keras callbacks, as far as it is made of plain values.

Keras gives callbacks no way to say what their state is. What `EarlyStopping`, `ReduceLROnPlateau`
and most others count and compare is kept in attributes that are numbers.
"""

import inspect

import numpy as np

from state_of_sparsity.wrapping.keras_internals import SET_ON_CALLBACKS


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
    own = vars(callback).items()
    values = {k: v.item() if isinstance(v, np.generic) else v for k, v in own}
    return {name: value for name, value in values.items() if _is_state(callback, name, value)}


def write(callback, state: dict):
    """Sets the attributes that `read` returned.

    Args:
        callback: a callback of the class that `read` was given.
        state: what it returned.

    Raises:
        ValueError: if `state` has what it never returns, a method or an argument say. The callback
            is unchanged then.
    """
    wrong = [name for name, value in state.items() if not _is_state(callback, name, value)]
    if wrong:
        raise ValueError(
            f"`state` must be of a {type(callback).__name__}: numbers, text and lists that it "
            f"keeps beside its arguments. Received: {', '.join(map(repr, wrong))}. Remove the "
            "checkpoint that it comes from."
        )
    for name, value in state.items():
        setattr(callback, name, value)


def _is_state(callback, name, value):
    """Returns whether an attribute is state, which the callback need not have yet."""
    configured = inspect.signature(type(callback).__init__).parameters
    # Methods and properties are its class's; numbers there are where its own ones begin.
    of_class = inspect.getattr_static(type(callback), name, None)
    is_own = name not in configured and name not in SET_ON_CALLBACKS and not name.startswith("__")
    return is_own and _is_plain(of_class) and _is_plain(value)


def _is_plain(value):
    if isinstance(value, list):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, (bool, int, float, str))
