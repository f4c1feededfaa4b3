"""A page of results: a study's text, with tables and plots from its table of runs."""

import argparse
import os
import pathlib
import re
from collections.abc import Callable, Mapping

from state_of_sparsity import atomic_write
from state_of_sparsity.analysis import file_text
from state_of_sparsity.analysis.run_table import RunTable


def main(
    description: str,
    template: str | os.PathLike,
    parts: Callable[[list[dict], pathlib.Path], Mapping[str, str]],
    draw: Callable[[list[dict], pathlib.Path], None],
) -> None:
    """Writes a page beside a folder of its name, which holds the plots; the command of a study.

    Args:
        description: what `--help` says.
        template: file with the text of the page, see `fill`.
        parts: `(rows, folder) -> {name: text}`: what goes into the text; rows are those of
            `RunTable.read`.
        draw: `(rows, folder)`: writes the plots into the folder.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--table", required=True, help="CSV file that bin/sweep.py wrote")
    parser.add_argument("--output", required=True, help="the page, e.g. docs/results/mnist.md")
    arguments = parser.parse_args()
    rows = RunTable(arguments.table).read()
    output = pathlib.Path(arguments.output)
    folder = output.with_suffix("")
    draw(rows, folder)
    atomic_write.write_text(output, fill(template, parts(rows, folder)))
    print(f"{output}, from {len(rows)} runs.")


def fill(template: str | os.PathLike, parts: Mapping[str, str]) -> str:
    """Returns the text of a file with a part in place of each `{{name}}`."""
    text = pathlib.Path(template).read_text(encoding="utf-8")
    return re.sub(r"\{\{(.+?)\}\}", lambda match: parts[match[1]], text)


def rows_if_there(path: str | os.PathLike) -> list[dict[str, str]]:
    """Returns the rows of a CSV file as dicts of text, none where there is no such file."""
    try:
        return file_text.read_csv(path)
    except FileNotFoundError:
        return []
