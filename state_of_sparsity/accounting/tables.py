"""How a `Report` is written: plain text for a terminal, Markdown for a page."""

import textwrap
from typing import Any

from state_of_sparsity.accounting.remarks import remarks, scaled, shape_text, technique_name
from state_of_sparsity.table_cells import for_markdown
from state_of_sparsity.tables import aligned, line_width, markdown_line, widths

WIDTH = 100
_PLAIN_HEADER = ("Kernel", "Shape", "Weights", "Non-zeros", "Sparsity", "Mult-adds", "sparse")
_PATTERN_COLUMN = _PLAIN_HEADER.index("Sparsity") + 1  # where a kernel has one
_MARKDOWN_HEADER = (
    "Kernel",
    "Technique",
    "Shape",
    "Weights",
    "Non-zeros",
    "Sparsity",
    "Multiply-adds",
    "sparse",
    "Bytes dense",
    "bitmask",
    "CSR",
    "gzip",
)


def plain_text(report: Any) -> str:
    """Returns a report as aligned columns, totals and remarks below.

    Lines have at most 100 characters. A path for which that leaves no room stands on a line of its
    own, above its figures and however long it is: rules need it whole.
    """
    rows = [_plain_cells(row, row.path, shape_text(row)) for row in report.layers]
    cells = [_PLAIN_HEADER, *rows, _plain_cells(report, "total", "")]
    patterns = [row.pattern or "" for row in report.layers]
    if any(patterns):
        at, named = _PATTERN_COLUMN, ["Pattern", *patterns, ""]
        cells = [(*c[:at], name, *c[at:]) for c, name in zip(cells, named, strict=True)]
    room = max(12, WIDTH - line_width([0, *widths(cells)[1:]]))
    above = [f"{path}\n" if len(path) > room else "" for path, *_ in cells]
    cells = [("" if len(path) > room else path, *figures) for path, *figures in cells]
    rule = "-" * line_width(widths(cells))
    header, *lines, total = map("".join, zip(above, aligned(cells, "<<>"), strict=True))
    below = [_wrapped(remark) for remark in remarks(report)]
    return "\n".join([header, rule, *lines, rule, total, "", *below])


def markdown(report: Any) -> str:
    """Returns a report as a Markdown table, totals and remarks below; computes gzip sizes."""
    lines = [_MARKDOWN_HEADER, ("---",) * 3 + ("---:",) * 9]
    lines += [
        _markdown_cells(row, for_markdown(row.path), technique_name(row), shape_text(row))
        for row in report.layers
    ]
    lines.append(_markdown_cells(report, "**total**", "", ""))
    table = "\n".join(map(markdown_line, lines))
    return table + "\n\n" + "\n".join(f"- {remark}" for remark in remarks(report)) + "\n"


def _plain_cells(row, path, shape):
    dense = getattr(row, "technique", None) == "dense"
    return (
        path,
        shape,
        f"{row.size:,}",
        f"{row.nonzero:,}",
        "dense" if dense and not row.sparsity else f"{row.sparsity:.2%}",
        scaled(row.multiply_adds),
        scaled(row.sparse_multiply_adds),
    )


def _markdown_cells(row, path, technique, shape):
    counts = (row.multiply_adds, row.sparse_multiply_adds)
    sizes = (row.bytes_dense, row.bytes_bitmask, row.bytes_csr, row.bytes_gzip)
    return (
        path,
        technique,
        shape,
        f"{row.size:,}",
        f"{row.nonzero:,}",
        f"{row.sparsity:.2%}",
        *("?" if count is None else f"{count:,}" for count in counts),
        *(f"{size:,}" for size in sizes),
    )


def _wrapped(text):
    return textwrap.fill(
        text, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
