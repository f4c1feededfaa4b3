"""A report in Markdown."""

from collections.abc import Sequence

from state_of_sparsity.analysis.markdown import code, table
from state_of_sparsity.analysis.run_report.section import Section, shown
from state_of_sparsity.table_cells import for_markdown


def page(title: str, head: str, sections: Sequence[Section]) -> str:
    """Returns the text of a report.

    Args:
        title: its heading.
        head: sentences below.
        sections: its parts.
    """
    parts = [f"# {title}", for_markdown(head), *map(_section, sections)]
    return "\n\n".join(parts) + "\n"


def _section(section):
    parts = [f"## {for_markdown(section.title)}"]
    if section.picture is not None:
        parts.append(f"![{section.title}]({section.picture}.png)")
    text = for_markdown(section.text)
    if section.picture is not None:
        text = f"Also as [SVG]({section.picture}.svg) and [PDF]({section.picture}.pdf). {text}"
    if section.table is not None:
        parts.append(_table(section.table))
    return "\n\n".join([*parts, *([text] if text else [])])


def _table(frame):
    frame = shown(frame)
    rows = [
        [_cell(column, value) for column, value in zip(frame.columns, row, strict=True)]
        for row in frame.itertuples(index=False, name=None)
    ]
    return table([for_markdown(column) for column in frame.columns], rows)


def _cell(column, value):
    if not isinstance(value, str):
        return value
    return code(value) if column == "Run" else for_markdown(value)
