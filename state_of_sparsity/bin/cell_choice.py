"""Which cells of a sweep are wanted: by their directories, or by their positions in its list."""

import os
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


def in_directories(cells: Sequence[Any], only: Sequence[str]) -> list[Any]:
    """Returns the cells whose run directory is one of those asked for, or lies in one; all if none.

    The last part of a directory may be cut at an underscore: `dense/seed` means all its seeds.

    Raises:
        UsageError: if something asked for is no cell's.
    """
    for wanted in only:
        if not any(_is_in(cell, wanted) for cell in cells):
            first = [c for c in cells if c.directory.startswith(f"{wanted.split('/')[0]}/")]
            near = sorted({c.directory for c in first}) or sorted(
                {os.path.dirname(c.directory) for c in cells}
            )
            raise UsageError(
                "`only` must name runs by their directory, or by one it lies in. "
                f"Received: {wanted!r}. There are {', '.join(near)}."
            )
    return [c for c in cells if not only or any(_is_in(c, wanted) for wanted in only)]


def _is_in(cell, wanted):
    wanted, directory = wanted.strip("/"), cell.directory
    if f"{directory}/".startswith(f"{wanted}/"):
        return True
    in_last_part = os.path.dirname(wanted) == os.path.dirname(directory)
    return in_last_part and directory.startswith(f"{wanted}_")
