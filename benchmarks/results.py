"""What a benchmark says at its end: a table on stdout and a JSON file."""

import json
import pathlib

import machine

from state_of_sparsity import tables


def write(path, benchmark, parameters, **results):
    """Writes results as JSON, with the machine and the versions; nothing if `path` is None.

    Args:
        path: the file, or None.
        benchmark: its name.
        parameters: what it was run with, a dictionary.
        **results: what it found.
    """
    if path is None:
        return
    text = json.dumps(
        {
            "benchmark": benchmark,
            "machine": machine.describe(),
            "versions": machine.versions(),
            "parameters": parameters,
            **results,
        },
        indent=2,
        default=vars,
    )
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(path).write_text(text + "\n")


def print_table(header, rows):
    """Prints rows of text under a header, the first column to the left, the others right."""
    rows = [[str(first), *(str(c).strip() for c in rest)] for first, *rest in [header, *rows]]
    rule = ["-" * width for width in tables.widths(rows)]
    print("\n".join(tables.aligned([rows[0], rule, *rows[1:]], "<>")))
