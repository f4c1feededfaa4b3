"""Tables in Markdown."""

import math
from collections.abc import Iterable, Sequence

from state_of_sparsity.table_cells import for_markdown
from state_of_sparsity.tables import markdown_line


def table(header: Sequence[str], rows: Sequence[Sequence]) -> str:
    """Returns a table; columns whose cells are all numbers are aligned to the right.

    Columns without anything in any row are left out, but for the first.

    Args:
        header: names of the columns.
        rows: the cells, text or numbers; None and NaN become a dash.

    Example:

    >>> print(table(["run", "steps", "seed"], [["a", 1000, None], ["b", None, None]]))
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
    columns = list(zip(header, *rows, strict=True))
    columns = [c for i, c in enumerate(columns) if not (i and rows and all(map(_is_empty, c[1:])))]
    rules = ["---:" if all(map(_is_number, column[1:])) else "---" for column in columns]
    header, *rows = zip(*columns, strict=True)
    lines = [header, rules, *([_cell(value) for value in row] for row in rows)]
    return "\n".join(map(markdown_line, lines))


def percent(fraction: float | None, digits: int = 2) -> str | None:
    """Returns a fraction as `90.00 %`."""
    return None if fraction is None else f"{fraction:.{digits}%}".replace("%", " %")


def percents(fractions: Iterable[float]) -> dict[float, str]:
    """Returns fractions as percent, with as many digits as it takes to tell them apart.

    Example:

    >>> percents([0.9, 0.9911, 0.9914])
    {0.9: '90.00 %', 0.9911: '99.11 %', 0.9914: '99.14 %'}
    """
    fractions = sorted(set(fractions))
    for digits in range(1, 17):
        found = {each: percent(each, digits) or "" for each in fractions}
        whole = sum(float(text[:-2]) == 100 for text in found.values())
        if len(set(found.values())) == len(fractions) and whole == sum(f == 1 for f in fractions):
            break
    return found


def code(text: str) -> str:
    """Returns text as code; as plain text that shows it where it cannot stand in backticks."""
    fits = text and text.isprintable() and not set("`|") & set(text)
    return f"`{text}`" if fits else for_markdown(text)


def _is_number(value):
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _is_empty(value):
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def _cell(value):
    if _is_empty(value):
        return "-"
    if isinstance(value, int):
        return f"{value:,}"
    return str(value).replace("|", "\\|").replace("\n", " ")
