"""JSON files that a run wrote, read with care: they may have been damaged or tampered with."""

import json
import pathlib
from collections.abc import Mapping

from state_of_sparsity.errors import UsageError


class DamagedFileError(UsageError, ValueError):
    """A file that does not hold what was written there; the message names it."""


def read(path: pathlib.Path, entries: Mapping[str, type], remedy: str) -> dict:
    """Returns the object that a JSON file holds.

    Args:
        path: the file.
        entries: names that it must have, and the type of each; integers count as float, too.
        remedy: what to do about a damaged file, the end of the message.

    Raises:
        DamagedFileError: if it is no JSON, no object, or lacks an entry. A ValueError.
        OSError: if it cannot be read.
    """
    return _checked(_text(path, remedy), path, entries, remedy)


def read_rows(path: pathlib.Path, entries: Mapping[str, type], remedy: str) -> list[dict]:
    """Returns the objects of a file of JSON lines, [] if it is not there; all else as `read`."""
    if not path.exists():
        return []
    lines = _text(path, remedy).splitlines()
    return [
        _checked(line, f"{path}, line {number},", entries, remedy)
        for number, line in enumerate(lines, start=1)
    ]


def parse(text: str):
    """Returns what JSON text means.

    Raises:
        ValueError: if it is none; the message says why, without a line break.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except ValueError as error:
        raise ValueError(str(error).partition(";")[0]) from None  # advice for programmers follows


def _text(path, remedy):
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise _damaged(path, "it is no file", remedy)
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise _damaged(path, f"it is no UTF-8: {error.reason} at byte {error.start}", remedy) from (
            error
        )


def _checked(text, place, entries, remedy):
    try:
        found = parse(text)
    except ValueError as error:
        raise _damaged(place, f"it is no JSON: {error}", remedy) from error
    if not isinstance(found, dict):
        raise _damaged(place, f"it holds a {type(found).__name__} and no object", remedy)
    for name, kind in entries.items():
        value = found.get(name)
        kinds = (int, float) if kind is float else kind
        if not isinstance(value, kinds) or isinstance(value, bool):
            reason = f"`{name}` must be of type {kind.__name__}"
            received = repr(value)[:60] if name in found else "none"
            raise _damaged(place, f"{reason}. Received: {received}", remedy)
    return found


def _damaged(place, reason, remedy):
    return DamagedFileError(f"{place} is damaged: {reason}. {remedy}")
