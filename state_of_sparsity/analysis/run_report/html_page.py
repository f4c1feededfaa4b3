"""A report as one HTML page that stands alone: scripts, plots and tables are all in it."""

import html
from collections.abc import Sequence

from state_of_sparsity import extras
from state_of_sparsity.analysis.run_report.section import Section, shown

with extras.explained():
    from bokeh.embed import file_html
    from bokeh.models import ColumnDataSource, DataTable, TableColumn
    from bokeh.models.comparisons import CustomJSCompare
    from bokeh.resources import INLINE

_SORTABLE = 8  # rows: a longer table scrolls, and sorts by a click on a column
_ROW, _HIGHEST, _WIDEST = 25, 500, 700  # pixels

# Cells such as `~91.00`, `1,000` and `97.00 ± 0.10 (3)` by their number, others as text.
_BY_NUMBER = """
const number = (cell) => parseFloat(String(cell).replace(/[~,]/g, ""))
const [a, b] = [number(x), number(y)]
if (isNaN(a) && isNaN(b)) return Math.sign(String(x).localeCompare(String(y)))
return isNaN(a) ? -1 : isNaN(b) ? 1 : Math.sign(a - b)
"""

# What replaces parts of bokeh's own page.
_PAGE = """
{% block preamble %}
<meta name="viewport" content="width=device-width, initial-scale=1">
{% endblock %}
{% block postamble %}
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 1100px; padding: 1rem; }
h2 { border-top: 1px solid #ddd; margin-top: 2rem; padding-top: 1rem; }
.wide { overflow-x: auto; }
table.shown { border-collapse: collapse; font-size: 13px; }
table.shown td, table.shown th { border-bottom: 1px solid #ddd; padding: .3rem .6rem; }
table.shown td, table.shown th { text-align: left; white-space: nowrap; }
</style>
{% endblock %}
{% block contents %}
<h1>{{ title|e }}</h1>
<p>{{ head|e }}</p>
{% for part in parts %}
<section>
<h2>{{ part.title|e }}</h2>
{% if part.chart %}<div class="wide">{{ embed(doc.roots[part.chart]) }}</div>{% endif %}
{% if part.text %}<p>{{ part.text|e }}</p>{% endif %}
{% if part.table %}{{ embed(doc.roots[part.table]) }}{% endif %}
{% if part.html %}<div class="wide">{{ part.html }}</div>{% endif %}
</section>
{% endfor %}
{% endblock %}
"""


def page(title: str, head: str, sections: Sequence[Section]) -> str:
    """Returns the text of the page.

    Args:
        title: its heading.
        head: sentences below.
        sections: its parts, one of which has a chart.
    """
    models, parts = [], []
    for place, section in enumerate(sections):
        part = {"title": section.title, "text": section.text}
        if section.chart is not None:
            part["chart"] = f"chart_{place}"
            models.append(section.chart())
            models[-1].name = part["chart"]
        if section.table is not None and len(section.table) > _SORTABLE:
            part["table"] = f"table_{place}"
            models.append(_sortable(section.table))
            models[-1].name = part["table"]
        elif section.table is not None:
            cells = shown(section.table).fillna("-")
            part["html"] = cells.to_html(index=False, classes="shown", border=0, justify="left")
        parts.append(part)
    return file_html(
        models, INLINE, title, template=_PAGE, template_variables={"head": head, "parts": parts}
    )


def _sortable(table):
    """Returns a table that a click on a column sorts."""
    cells = shown(table).fillna("-")
    data = {str(name): list(map(_text, cells[name])) for name in cells.columns}
    order = CustomJSCompare(code=_BY_NUMBER)
    columns = [
        TableColumn(
            field=name, title=html.escape(name), width=_width([name, *column]), sorter=order
        )
        for name, column in data.items()
    ]
    return DataTable(
        source=ColumnDataSource(data),
        columns=columns,
        index_position=None,
        reorderable=False,  # would need another library
        autosize_mode="none",
        row_height=_ROW,
        sizing_mode="stretch_width",
        height=min(_ROW * (len(table) + 2), _HIGHEST),
    )


def _text(value):
    return f"{value:,}" if isinstance(value, int) else str(value)


def _width(cells):
    return min(20 + 7 * max(map(len, cells)), _WIDEST)
