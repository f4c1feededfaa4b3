"""How a `Report` is shown in a notebook: a table in HTML, in the colours of the page around it."""

import html
from typing import Any

from state_of_sparsity.accounting.remarks import remarks, scaled, shape_text

_TABLE = "border-collapse:collapse;color:inherit;font-size:0.9em"
_CELL = "padding:2px 6px;white-space:nowrap"
_LEFT, _RIGHT = f"text-align:left;{_CELL}", f"text-align:right;{_CELL}"
_LINE = "border-top:1px solid currentColor"
# Of zeros, as wide as they are many. No colour of its own: notebooks are light or dark.
_BAR = (
    '<span style="display:inline-block;vertical-align:middle;width:60px;height:0.6em;'
    'margin-left:0.6em;border:1px solid currentColor;opacity:0.6">'
    '<span style="display:block;height:100%;width:{:.1f}%;background:currentColor"></span></span>'
)


def notebook_table(report: Any) -> str:
    """Returns a report as HTML: a row a kernel, totals, and remarks that a click opens.

    Without scripts, and without anything to fetch. Names are escaped.
    """
    patterned = any(row.pattern for row in report.layers)
    header = [("Kernel", _LEFT), ("Technique", _LEFT)]
    header += [("Pattern", _LEFT)] if patterned else []
    header += [("Shape", _LEFT)]
    header += [(name, _RIGHT) for name in ("Weights", "Non-zeros", "Sparsity", "Mult-adds")]
    header += [("sparse", _RIGHT)]
    rows = [_row(_kernel_cells(row, patterned), "td") for row in report.layers]
    total = [("Total", _LEFT), *[("", _LEFT)] * (2 + patterned), *_figures(report)]
    below = "".join(f"<li>{html.escape(remark)}</li>" for remark in remarks(report))
    return (
        f'<div style="overflow-x:auto"><table style="{_TABLE}">'
        f"<thead>{_row([(html.escape(text), side) for text, side in header], 'th')}</thead>"
        f"<tbody>{''.join(rows)}</tbody>"
        f"<tfoot>{_row([(text, f'{side};{_LINE}') for text, side in total], 'th')}</tfoot>"
        f"</table><details><summary>Remarks</summary><ul>{below}</ul></details></div>"
    )


def _kernel_cells(row, patterned):
    names = [row.path, row.technique, *([row.pattern or ""] if patterned else []), shape_text(row)]
    return [*((html.escape(name), _LEFT) for name in names), *_figures(row)]


def _figures(row):
    """Returns the cells that a kernel and the whole model have both."""
    texts = (
        f"{row.size:,}",
        f"{row.nonzero:,}",
        f"{row.sparsity:.2%}{_BAR.format(100 * row.sparsity)}",
        scaled(row.multiply_adds).strip(),
        scaled(row.sparse_multiply_adds).strip(),
    )
    return [(text, _RIGHT) for text in texts]


def _row(cells, tag):
    texts = (f'<{tag} style="{style}">{text}</{tag}>' for text, style in cells)
    return f"<tr>{''.join(texts)}</tr>"
