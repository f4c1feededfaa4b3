"""What a benchmark says at its end: a table on stdout and a JSON file."""

import json
import pathlib

import machine


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
    rows = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    for index, row in enumerate(rows):
        first, *rest = (cell.ljust(w) for cell, w in zip(row, widths, strict=True))
        rest = [cell.strip().rjust(w) for cell, w in zip(rest, widths[1:], strict=True)]
        print("  ".join([first, *rest]).rstrip())
        if index == 0:
            print("  ".join("-" * width for width in widths))
