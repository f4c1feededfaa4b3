"""What Keras calls private of optimizers: each a function, as in `keras_internals.py`."""

from collections.abc import Iterator

import keras


def given_learning_rate(optimizer):
    """Returns the learning rate or schedule of an optimizer; the public name has evaluated it."""
    return getattr(optimizer, "_learning_rate", None)


def place_of(optimizer, variable) -> int:
    """Returns which of an optimizer's variables one is that a backend handed over.

    TensorFlow hands over its own, of another name, and a part of it on each replica.
    """
    return optimizer._get_variable_index(variable)


def trains_something(optimizer) -> bool:
    """Returns whether an optimizer was built, and for a variable at least."""
    return bool(getattr(optimizer, "_trainable_variables", None))


def slots_of(optimizer, variable) -> Iterator[keras.Variable]:
    """Yields what an optimizer keeps of a variable it trains, in the variable's shape.

    Every class keeps it in lists of its own, which have the order of the variables.
    """
    known = optimizer._trainable_variables
    place = next((i for i, each in enumerate(known) if each is variable), None)
    if place is None:  # it trains others
        return
    for name, kept in vars(optimizer).items():
        if isinstance(kept, list) and len(kept) == len(known) and name != "_trainable_variables":
            slot = kept[place]
            if isinstance(slot, keras.Variable) and slot.shape == variable.shape:
                yield slot
