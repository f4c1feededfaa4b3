"""Checks of the arguments that models have in common."""

import math
import numbers
from collections.abc import Sequence


def check_integer(name, value, least, most=math.inf):
    """Raises a `ValueError` that names the argument unless it is an integer of that range."""
    if not (_is_integer(value) and least <= value <= most):
        end = "" if most == math.inf else f" and at most {most}"
        raise ValueError(
            f"`{name}` must be an integer of at least {least}{end}. Received: {value!r}."
        )


def check_fraction(name, value):
    """Raises a `ValueError` that names the argument unless it is a number in [0, 1)."""
    if not (is_number(value) and 0 <= value < 1):
        raise ValueError(f"`{name}` must be a number in [0, 1). Received: {value!r}.")


def check_weight_decay(weight_decay):
    """Raises a `ValueError` unless `weight_decay` is a number of at least 0."""
    if not (is_number(weight_decay) and weight_decay >= 0):
        raise ValueError(
            f"`weight_decay` must be a number of at least 0. Received: {weight_decay!r}."
        )


def check_flag(name, value):
    """Raises a `ValueError` that names the argument unless it is True or False."""
    if not isinstance(value, bool):
        raise ValueError(f"`{name}` must be True or False. Received: {value!r}.")


def check_image_shape(input_shape, smallest):
    """Raises a `ValueError` unless a shape is that of images large enough.

    Args:
        input_shape: `(height, width, channels)`; `None` for any height or width.
        smallest: the least height and width.
    """
    sizes = tuple(input_shape) if isinstance(input_shape, Sequence) else ()
    fits = [size is None or (_is_integer(size) and size >= smallest) for size in sizes[:2]]
    if len(sizes) != 3 or not all(fits) or not (_is_integer(sizes[2]) and sizes[2] >= 1):
        raise ValueError(
            f"`input_shape` must be (height, width, channels), {smallest} or more high and wide, "
            f"or None for any size. Received: {input_shape!r}. Enlarge the images, or take a "
            "network for smaller ones."
        )


def check_whole_shape(input_shape):
    """Raises a `ValueError` unless a shape is of integers above 0, as what is flattened must be."""
    sizes = input_shape if isinstance(input_shape, Sequence) else ()
    if not sizes or not all(_is_integer(size) and size >= 1 for size in sizes):
        raise ValueError(
            "`input_shape` must be integers above 0, the shape of one example, such as (28, 28, "
            f"1). Received: {input_shape!r}."
        )


def is_number(value):
    """Returns whether a value is a finite real number, and no truth value."""
    is_real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    try:
        return is_real and math.isfinite(value)
    except OverflowError:  # an integer beyond all floats
        return False


def _is_integer(value):
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)
