"""Text of files that may be damaged."""

import csv
import io
import os
import pathlib
from collections.abc import Iterable
from typing import Any

from state_of_sparsity import json_files
from state_of_sparsity.table_cells import from_csv

_LONGEST_CELL = 2**31 - 1  # the csv module's own limit is a kernel or two of a large model


def read(path: str | os.PathLike) -> str:
    """Returns the text of a file.

    Args:
        path: the file.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if it cannot be read; the message begins with the file's name.
    """
    path = pathlib.Path(path)
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise ValueError(f"{path.name} cannot be read: it is no file")
        # Spreadsheets put a byte order mark in front; "\r" in a cell is no new line.
        with open(path, encoding="utf-8-sig", newline="") as file:
            return file.read()
    except FileNotFoundError:
        raise
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name} cannot be read: it is not UTF-8 ({error.reason})") from None
    except OSError as error:
        raise ValueError(f"{path.name} cannot be read: {error.strerror}") from None


def read_json(path: str | os.PathLike) -> Any:
    """Returns what a JSON file holds; raises as `read` does."""
    text = read(path)
    try:
        return json_files.parse(text)
    except ValueError as error:
        raise ValueError(f"{pathlib.Path(path).name} cannot be read: {error}") from None


def read_csv(path: str | os.PathLike, columns: Iterable[str] = ()) -> list[dict[str, str]]:
    """Returns the lines of a CSV file as dicts of text, by the names in its first line.

    Args:
        path: the file.
        columns: names that it must have, unless it is empty.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if it cannot be read, lacks a column, two have one name, or a line has another
            number of cells; the message begins with the file's name.
    """
    name, text = pathlib.Path(path).name, read(path)
    if "\0" in text:
        raise ValueError(f"{name} cannot be read: it has NUL bytes")
    limit = csv.field_size_limit(_LONGEST_CELL)
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    except csv.Error as error:
        raise ValueError(f"{name} cannot be read: {error}") from None
    finally:
        csv.field_size_limit(limit)
    header, *lines = [[from_csv(cell) for cell in row] for row in rows or [[]]]
    missing = [column for column in columns if header and column not in header]
    if missing:
        raise ValueError(f"{name} cannot be read: it has no column {missing[0]!r}")
    twice = [column for column in header if header.count(column) > 1]
    if twice:
        raise ValueError(f"{name} cannot be read: two columns are named {twice[0]!r}")
    for number, line in enumerate(lines, start=1):
        if len(line) != len(header):
            raise ValueError(
                f"{name} cannot be read: row {number} has {len(line)} cells, the first line "
                f"{len(header)}"
            )
    return [dict(zip(header, line, strict=True)) for line in lines]


def parse_cell(cell: str) -> Any:
    """Returns the cell of a CSV file as int or float if it is one, None if it is empty."""
    for kind in (int, float):
        try:
            return kind(cell)
        except ValueError:
            continue
    return cell or None
