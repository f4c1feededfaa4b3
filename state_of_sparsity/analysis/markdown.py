"""Tables in Markdown."""

import math
from collections.abc import Sequence


def table(header: Sequence[str], rows: Sequence[Sequence]) -> str:
    """Returns a table; columns whose cells are all numbers are aligned to the right.

    Args:
        header: names of the columns.
        rows: the cells, text or numbers; None and NaN become a dash.

    Example:

    >>> print(table(["run", "steps"], [["a", 1000], ["b", None]]))
    | run | steps |
    | --- | ---: |
    | a | 1,000 |
    | b | - |
    """
    if any(len(row) != len(header) for row in rows):
        raise ValueError(
            f"`rows` must have {len(header)} cells each, as `header` has. "
            f"Received: rows of {sorted({len(row) for row in rows})} cells."
        )
    columns = zip(*rows, strict=True) if rows else [()] * len(header)
    rules = ["---:" if all(map(_is_number, column)) else "---" for column in columns]
    lines = [header, rules, *([_cell(value) for value in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def percent(fraction: float | None, digits: int = 2) -> str | None:
    """Returns a fraction as `90.00 %`."""
    return None if fraction is None else f"{fraction:.{digits}%}".replace("%", " %")


def _is_number(value):
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _cell(value):
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    if isinstance(value, int):
        return f"{value:,}"
    return str(value).replace("|", "\\|").replace("\n", " ")
