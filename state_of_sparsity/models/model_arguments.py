"""Checks of the arguments that models have in common."""

from collections.abc import Sequence
from typing import Any

from state_of_sparsity.arguments import is_integer


def check_image_shape(input_shape: Any, smallest: int) -> None:
    """Raises a `ValueError` unless a shape is that of images large enough.

    Args:
        input_shape: `(height, width, channels)`; `None` for any height or width.
        smallest: the least height and width.
    """
    sizes = tuple(input_shape) if isinstance(input_shape, Sequence) else ()
    fits = [size is None or (is_integer(size) and size >= smallest) for size in sizes[:2]]
    if len(sizes) != 3 or not all(fits) or not (is_integer(sizes[2]) and sizes[2] >= 1):
        raise ValueError(
            f"`input_shape` must be (height, width, channels), {smallest} or more high and wide, "
            f"or None for any size. Received: {input_shape!r}. Enlarge the images, or take a "
            "network for smaller ones."
        )


def check_whole_shape(input_shape: Any) -> None:
    """Raises a `ValueError` unless a shape is of integers above 0, as what is flattened must be."""
    sizes = input_shape if isinstance(input_shape, Sequence) else ()
    if not sizes or not all(is_integer(size) and size >= 1 for size in sizes):
        raise ValueError(
            "`input_shape` must be integers above 0, the shape of one example, such as (28, 28, "
            f"1). Received: {input_shape!r}."
        )
