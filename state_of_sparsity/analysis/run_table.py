"""One CSV file of many runs: a line a run, written as runs finish, kept when they are deleted."""

import csv
import io
import json
import os
import pathlib
from collections.abc import Iterable, Mapping

from state_of_sparsity import atomic_write, file_lock
from state_of_sparsity.analysis import results

_KERNEL = ("path", "nonzero", "size", "inputs_left", "outputs_left")
# Hexadecimal digits may look like a number.
_TEXT = ("run", "name", "technique", "config_hash", "commit", "version")


def row(run: results.Run, name: str) -> dict:
    """Returns a run as one flat line: its name, its result, and what is left of each kernel.

    Args:
        run: a finished run.
        name: what the line is found by, such as the run directory relative to its parent's.
    """
    kernels = [[kernel.get(column) for column in _KERNEL] for kernel in run.layers()]
    return {"run": name, **run.result, "kernels": json.dumps(kernels)}


class RunTable:
    """A CSV file of runs.

    Args:
        path: the file; made when the first line is added.

    Raises:
        ValueError: if the file is there and is no such table.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = pathlib.Path(path).expanduser()
        self._lines()

    def add(self, rows: Iterable[Mapping]):
        """Adds lines, those of runs already there in place of the old ones; atomically.

        Several processes may add to one table.

        Args:
            rows: what `row` returned.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with file_lock.hold(self.path.with_name(f".{self.path.name}.lock"), wait=True):
            lines = {line["run"]: line for line in [*self._lines(), *rows]}
            ordered = [lines[name] for name in sorted(lines)]
            columns = list(dict.fromkeys(column for line in ordered for column in line))
            text = io.StringIO()
            writer = csv.DictWriter(text, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(ordered)
            atomic_write.write_text(self.path, text.getvalue())

    def read(self) -> list[dict]:
        """Returns a dict a run: numbers are int or float, empty cells None, and `kernels` a list
        of dicts with `path`, `nonzero`, `size`, `inputs_left` and `outputs_left`.
        """
        return [_parsed(line) for line in self._lines()]

    def _lines(self):
        if not self.path.exists():
            return []
        with open(self.path, newline="", encoding="utf-8") as file:
            lines = list(csv.DictReader(file))
        if any(not line.get("run") or None in line or None in line.values() for line in lines):
            raise ValueError(
                "The table must be one that bin/sweep.py wrote: a column `run` and as many cells "
                f"in every line. Received: {self.path}. Name another file."
            )
        return lines


def _parsed(line):
    kernels = json.loads(line.get("kernels") or "[]")
    values = {k: v or None if k in _TEXT else results.parse_cell(v) for k, v in line.items()}
    return {**values, "kernels": [dict(zip(_KERNEL, kernel, strict=True)) for kernel in kernels]}
