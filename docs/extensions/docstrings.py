"""Docstrings as they are here, Markdown in Google's sections, for autodoc, which reads RST."""

import inspect
import re

# With indented lines that are no equation.
SECTIONS = ("Args", "Attributes", "Call arguments", "Raises", "Reference", "Returns", "Yields")


def _literal_blocks(lines):
    """Yields lines with `::` before indented paragraphs outside sections, and before tables."""
    in_section, in_block, last = False, False, ""
    for line in lines:
        indented, table = line.startswith("    "), line.startswith("|")
        if line and not indented:
            in_section = line.rstrip(":") in SECTIONS and line.endswith(":")
        begins = (indented and not in_section) or table
        if begins and not in_block and not last:
            yield from ["::", ""]
        in_block = begins or (in_block and not line)
        yield f"    {line}" if table else line
        last = line


def to_rst(app, what, name, obj, options, lines):
    """Rewrites a docstring in place: equations, tables, and pages that it names."""
    text = "\n".join(_literal_blocks(list(lines)))
    lines[:] = re.sub(r"\bdocs/([\w/]+)\.md", r":doc:`/docs/\1`", text).split("\n")


def signature(app, what, name, obj, options, arguments, returned):
    """Returns a class's signature as its constructor has it: Keras's `__new__` takes anything."""
    if what != "class" or obj.__init__ is object.__init__:
        return None
    parameters = list(inspect.signature(obj.__init__).parameters.values())[1:]
    bare = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in parameters]
    return str(inspect.Signature(bare)), None


def setup(app):
    app.connect("autodoc-process-docstring", to_rst, priority=400)  # before napoleon
    app.connect("autodoc-process-signature", signature)
    return {"parallel_read_safe": True}
