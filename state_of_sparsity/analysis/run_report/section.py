"""`Section`: a part of a report, which Markdown and HTML show each in its way."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from state_of_sparsity import extras

with extras.explained():
    import pandas as pd


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """Returns a table with None in all empty cells, without columns that have nothing in any row.

    The first column stays.
    """
    cells = table.astype(object).where(table.notna(), None)
    kept = [name for place, name in enumerate(cells) if not place or cells[name].notna().any()]
    return cells[kept]


@dataclass(frozen=True)
class Section:
    """A part of a report.

    Args:
        title: its heading.
        text: sentences below; plain text.
        table: cells as they are to be shown, text or numbers; None without one.
        picture: name of the plot's files without their endings, which lie beside the report; None
            without one.
        chart: returns the plot for the HTML page, a model of bokeh.
    """

    title: str
    text: str = ""
    table: pd.DataFrame | None = None
    picture: str | None = None
    chart: Callable[[], Any] | None = None
