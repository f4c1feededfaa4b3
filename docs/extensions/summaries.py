"""What each API page describes, a line a name, after the page's link in the list of these pages."""

import re

LIST = "docs/api/README"
LINK = re.compile(r"^\*\*\[[^\]]+\]\((\w+)\.md\)\*\*.*$", re.M)
NAME = re.compile(r"^\.\. (?:autoclass|autofunction|py:class):: state_of_sparsity\.([\w.]+)", re.M)


def add_summaries(app, docname, source):
    """Adds to each link of the list a table of names, those of inner modules by the last part."""

    def with_summary(link):
        page = app.srcdir / "docs" / "api" / f"{link[1]}.md"
        app.env.note_dependency(page)
        names = NAME.findall(page.read_text("utf-8"))
        lines = "\n".join(f"   {'~' * (name.count('.') > 1)}{name}" for name in names)
        head = ".. currentmodule:: state_of_sparsity\n.. autosummary::\n   :nosignatures:"
        return f"{link[0]}\n\n```{{eval-rst}}\n{head}\n\n{lines}\n```\n"

    if docname == LIST:
        source[0] = LINK.sub(with_summary, source[0])


def setup(app):
    app.connect("source-read", add_summaries)
    return {"parallel_read_safe": True}
