"""Files of object stores such as gs://, reached by `etils.epath`, with errors in one line."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from typing import Any

from state_of_sparsity import extras
from state_of_sparsity.errors import UsageError


class MirrorError(UsageError):
    """An object store that cannot be read or written; the message says what it said."""


@contextlib.contextmanager
def explained(remote: str | os.PathLike) -> Iterator[None]:
    """Raises what the library of an object store says as a `MirrorError`."""
    try:
        yield
    except Exception as error:
        if not type(error).__module__.startswith("tensorflow"):
            raise
        reason = " ".join(str(error).split())
        raise MirrorError(
            f"`mirror` {remote} cannot be read or written: {reason}. See to its name and to your "
            "rights there; then run the same command again."
        ) from error


def path(text: str | os.PathLike) -> Any:
    """Returns a path of an object store, or of this machine, with methods as those of `pathlib`.

    Raises:
        MirrorError: if it is of a store that `etils.epath` does not know.
    """
    with extras.explained():
        from etils import epath
    try:
        return epath.Path(text)
    except KeyError:
        raise MirrorError(
            "`mirror` must be a folder of gs:// or another object store that `etils.epath` knows, "
            f"or of this machine. Received: {os.fspath(text)}."
        ) from None


def get_text(place: str) -> str | None:
    """Returns a small file's text, None where there is no file."""
    with explained(place):
        found = path(place)
        return found.read_text(encoding="utf-8") if found.exists() else None


def put_text(place: str, text: str) -> None:
    """Writes a small file, and makes its folder if need be."""
    with explained(place):
        target = path(place)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def remove(place: str) -> None:
    """Removes a file, if it is there."""
    with explained(place):
        path(place).unlink(missing_ok=True)


def copy(source: Any, target: Any) -> None:
    """Copies a file of any size; both are paths that can be opened."""
    with source.open("rb") as reader, target.open("wb") as writer:
        shutil.copyfileobj(reader, writer, 1 << 20)
