"""Docstrings as they are here, Markdown in Google's sections, for autodoc, which reads RST."""

import inspect
import re

# With indented lines that are no equation.
SECTIONS = ("Args", "Attributes", "Call arguments", "Raises", "Reference", "Returns", "Yields")


class _Name(str):
    """The name of a function, for signatures."""

    __repr__ = str.__str__


def _with_literal_blocks(lines):
    """Yields lines with `::` before indented paragraphs outside sections: equations."""
    in_section, in_block, last = False, False, ""
    for line in lines:
        indented = line.startswith("    ")
        if line and not indented:
            in_section = line.rstrip(":") in SECTIONS and line.endswith(":")
        begins = indented and not in_section
        if begins and not in_block and not last:
            yield from ["::", ""]
        in_block = begins or (in_block and not line)
        yield line
        last = line


def _with_tables(lines):
    """Yields lines with tables as RST has them."""
    last = ""
    for line in lines:
        if not line.startswith("|"):
            yield line
        elif not line.startswith("| ---"):
            if not last.startswith("|"):
                yield from [".. list-table::", "   :header-rows: 1", ""]
            first, *others = (cell.strip() for cell in line.strip("|").split("|"))
            yield from [f"   * - {first}", *(f"     - {cell}" for cell in others)]
        last = line


def to_rst(app, what, name, obj, options, lines):
    """Rewrites a docstring in place: equations, tables, and pages that it names."""
    text = "\n".join(_with_tables(_with_literal_blocks(list(lines))))
    lines[:] = re.sub(r"\bdocs/([\w/]+)\.md", r":doc:`/docs/\1`", text).split("\n")


def _bare(parameter):
    """Returns a parameter without its type, and with a default that is a function by its name."""
    default = parameter.default
    if inspect.isfunction(default):
        default = _Name(default.__name__)
    return parameter.replace(annotation=inspect.Parameter.empty, default=default)


def signature(app, what, name, obj, options, arguments, returned):
    """Returns a class's signature as its constructor has it: Keras's `__new__` takes anything."""
    if what != "class" or arguments == "()" or obj.__init__ is object.__init__:
        return None
    parameters = list(inspect.signature(obj.__init__).parameters.values())[1:]
    return str(inspect.Signature([_bare(parameter) for parameter in parameters])), None


def setup(app):
    app.connect("autodoc-process-docstring", to_rst, priority=400)  # before napoleon
    app.connect("autodoc-process-signature", signature)
    return {"parallel_read_safe": True}
