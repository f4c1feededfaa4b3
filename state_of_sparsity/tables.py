"""Tables as text: columns of one width for a terminal, and the lines of Markdown."""

from collections.abc import Sequence

_BETWEEN = "  "


def widths(rows: Sequence[Sequence[str]], least: int = 0) -> list[int]:
    """Returns how wide each column of a table has to be.

    Args:
        rows: the cells, that of the columns' names first.
        least: the least width of any.
    """
    return [max(least, *map(len, column)) for column in zip(*rows, strict=True)]


def line_width(columns: Sequence[int]) -> int:
    """Returns how wide a line is whose columns have these widths."""
    return sum(columns) + len(_BETWEEN) * (len(columns) - 1)


def aligned(rows: Sequence[Sequence[str]], sides: str, least: int = 0) -> list[str]:
    """Returns rows as lines in which columns stand below each other.

    Args:
        rows: the cells, that of the columns' names first.
        sides: for each column `<`, to the left, or `>`, to the right; the last holds for the rest.
        least: the least width of a column.

    Example:

    >>> print("\\n".join(aligned([["kernel", "weights"], ["logits", "10"]], "<>")))
    kernel  weights
    logits       10
    """
    columns = widths(rows, least)
    sides = sides.ljust(len(columns), sides[-1])
    return [
        _BETWEEN.join(
            f"{c:{side}{w}}" for c, side, w in zip(row, sides, columns, strict=True)
        ).rstrip()
        for row in rows
    ]


def markdown_line(cells: Sequence[str]) -> str:
    """Returns a row of a table in Markdown; the cells must be Markdown already.

    Example:

    >>> markdown_line(["kernel", "10"])
    '| kernel | 10 |'
    """
    return f"| {' | '.join(cells)} |"
