"""Other people's text in the cells of tables: what programs that open them must not carry out."""

import csv
import io
import re
from collections.abc import Iterable

# What spreadsheets take for the beginning of a formula, or skip before one; and full-width twins.
_FORMULA = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
_ENTITIES = {ord(sign): f"&#{ord(sign)};" for sign in "&<>|`*\\"}


def csv_text(rows: Iterable[Iterable]) -> str:
    """Returns rows as the text of a CSV file, each cell by `for_csv`.

    Args:
        rows: the rows, that of the columns' names first.
    """
    lines = []
    for row in rows:
        line = io.StringIO(newline="")
        # With another end of a line Python leaves a carriage return in a cell without quotes.
        csv.writer(line, lineterminator="\r\n").writerow(map(for_csv, row))
        lines.append(line.getvalue().removesuffix("\r\n") + "\n")
    return "".join(lines)


def for_csv(value):
    """Returns the cell of a CSV file that a spreadsheet shows and does not calculate.

    Text that begins as a formula gets an apostrophe in front, `from_csv` takes it off again;
    numbers, and text that is one, stay as they are.

    Args:
        value: text, a number or None.

    Example:

    >>> for_csv("=1+1"), for_csv(-0.5), for_csv("-0.5")
    ("'=1+1", -0.5, '-0.5')
    """
    if isinstance(value, str) and _is_formula(value.lstrip("'")) and not _is_number(value):
        return f"'{value}"
    return value


def from_csv(cell):
    """Returns the text that `for_csv` made a cell of; anything else as it is."""
    if isinstance(cell, str) and cell[:1] == "'" and _is_formula(cell.lstrip("'")):
        return cell[1:]
    return cell


def for_markdown(text: str) -> str:
    """Returns text as Markdown that shows it: in one line, without tables, code, links or HTML.

    Args:
        text: any text.

    Example:

    >>> for_markdown("a|b <i>")
    'a&#124;b &#60;i&#62;'
    """
    shown = str(text).encode("utf-8", "backslashreplace").decode("utf-8")
    shown = re.sub(r"[\s\x00-\x1f\x7f]+", " ", shown).translate(_ENTITIES)
    return re.sub(r"\](?=[(\[:])", "&#93;", shown)  # a link


def _is_formula(text):
    return text[:1] != "" and text[0] in _FORMULA


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True
