"""README.md of a folder lists its pages, and that list is what the site's navigation has of it."""

import posixpath
import re


def add_toctree(app, docname, source):
    """Adds to a folder's README a hidden toctree of what the points of its lists begin with."""
    folder, name = posixpath.split(docname)
    links = re.findall(r"^(?:\* |\*\*|\| )\[([^\]]+)\]\((\w+)\.(?:md|ipynb)\)", source[0], re.M)
    if folder and name == "README" and links:
        lines = "\n".join(f"{text} <{page}>" for text, page in links)
        source[0] += f"\n\n```{{toctree}}\n:hidden:\n\n{lines}\n```\n"


def setup(app):
    app.connect("source-read", add_toctree)
    return {"parallel_read_safe": True}
