"""`places_in_arena`: where buffers lie in one array, those not needed at once in the same place.

Greedy by size (Pisarchyk and Lee, 2020, arXiv 2001.03288, section 5.3): the largest buffer first,
each at the first gap that is wide enough between buffers that are needed while it is.
"""

from typing import Any


def places_in_arena(
    sizes: dict[Any, int], spans: dict[Any, tuple[int, int]]
) -> tuple[dict[Any, int], int]:
    """Returns `{buffer: where it begins}`, and how large the whole array is.

    Args:
        sizes: `{buffer: how much room it takes}`.
        spans: `{buffer: (first, last)}`, the steps between which it is needed, both included.

    Example:

    >>> places_in_arena({"a": 2, "b": 3, "c": 2}, {"a": (0, 1), "b": (1, 2), "c": (2, 3)})
    ({'b': 0, 'a': 3, 'c': 3}, 5)
    """
    starts: dict[Any, int] = {}
    whole = 0
    for buffer in sorted(sizes, key=sizes.__getitem__, reverse=True):
        first, last = spans[buffer]
        beside = [other for other in starts if _meet(spans[other], (first, last))]
        at = 0
        for other in sorted(beside, key=starts.__getitem__):
            if starts[other] - at >= sizes[buffer]:
                break
            at = max(at, starts[other] + sizes[other])
        starts[buffer] = at
        whole = max(whole, at + sizes[buffer])
    return starts, whole


def _meet(one, other):
    return one[0] <= other[1] and other[0] <= one[1]
