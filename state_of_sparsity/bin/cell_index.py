"""Cells by their position in a sweep's list: what one task of a cluster's array runs."""

import re
from collections.abc import Sequence
from typing import Any

from state_of_sparsity.errors import UsageError


def at(cells: Sequence[Any], index: str) -> list[Any]:
    """Returns the cell at a position, or those of a slice as Python writes them.

    Args:
        cells: all of them, in their order.
        index: `5`, or `START:STOP:STEP` with any part left out: `2::3` is every third from cell 2.

    Raises:
        UsageError: if it is none, or of no cell.

    Example:

    >>> at("abcdefg", "5"), at("abcdefg", "2::3")
    (['f'], ['c', 'f'])
    """
    parts = index.split(":")
    if len(parts) <= 3 and all(re.fullmatch("[0-9]{0,9}", part) for part in parts):
        numbers = [int(part) if part else None for part in parts]
        if len(parts) == 1 and numbers[0] is not None:
            found = list(cells[numbers[0] : numbers[0] + 1])
        else:
            found = list(cells[slice(*numbers)]) if len(parts) > 1 and numbers[2:] != [0] else []
        if found:
            return found
    raise UsageError(
        f"`cell` must be a position from 0 to {len(cells) - 1}, or a slice of them such as 0::3. "
        f"Received: {index!r}."
    )
