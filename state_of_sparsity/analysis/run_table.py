"""One CSV file of many runs: a line a run, written as runs finish, kept when they are deleted."""

import json
import os
import pathlib
from collections.abc import Iterable, Mapping

from state_of_sparsity import atomic_write, file_lock
from state_of_sparsity.analysis import file_text, results
from state_of_sparsity.analysis.run_files import DESCRIPTIONS, OF_THE_TABLE, TEXT, is_kernel, wrong
from state_of_sparsity.table_cells import csv_text

_KERNEL = ("path", "nonzero", "size", "inputs_left", "outputs_left")


def row(run: results.Run, name: str) -> dict:
    """Returns a run as one flat line: its name, its result, and what is left of each kernel.

    Args:
        run: a finished run.
        name: what the line is found by, such as the run directory relative to its parent's.
    """
    kernels = [[kernel.get(column) for column in _KERNEL] for kernel in run.layers()]
    result = {key: value for key, value in run.result.items() if key not in OF_THE_TABLE}
    if "settings" in result:
        result["settings"] = json.dumps(result["settings"])
    return {"run": name, **result, "kernels": json.dumps(kernels)}


class RunTable:
    """A CSV file of runs.

    Text that a spreadsheet would take for a formula has an apostrophe in front there.

    Args:
        path: the file; made when the first line is added.

    Raises:
        ValueError: if the file is there and is no such table.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = pathlib.Path(path).expanduser()
        self.read()

    def add(self, rows: Iterable[Mapping]) -> None:
        """Adds lines, those of runs already there in place of the old ones; atomically.

        Several processes may add to one table.

        Args:
            rows: what `row` returned.

        Raises:
            ValueError: if a line of the same name is of another configuration or seed.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with file_lock.hold(self.path.with_name(f".{self.path.name}.lock"), wait=True):
            lines = {line["run"]: line for line in self._lines()}
            for row in rows:
                self._check_is_same(lines.get(row["run"], {}), row)
                lines[row["run"]] = row
            ordered = [lines[name] for name in sorted(lines)]
            columns = list(dict.fromkeys(column for line in ordered for column in line))
            cells = ([line.get(column) for column in columns] for line in ordered)
            atomic_write.write_text(self.path, csv_text([columns, *cells]))

    def _check_is_same(self, line, row):
        """Refuses to lose a run that has the name of another."""
        for name in ("config_hash", "seed"):
            there, new = line.get(name), row.get(name)
            if there and new is not None and str(there) != str(new):
                raise self._error(
                    f"it has a line {row['run']!r} with the {name} {there}, not {new}, which is "
                    "another run"
                )

    def read(self) -> list[dict]:
        """Returns a dict a run: numbers are int or float, empty cells None, `settings` a dict or
        None, and `kernels` a list of dicts with `path`, `nonzero`, `size`, `inputs_left` and
        `outputs_left`.

        Raises:
            ValueError: if the file is damaged.
        """
        return [self._parsed(line) for line in self._lines()]

    def _lines(self):
        try:
            lines = file_text.read_csv(self.path, OF_THE_TABLE)
        except FileNotFoundError:
            return []
        except ValueError as error:
            raise self._error(error) from None
        names = [line.get("run") for line in lines]
        if not all(names):
            raise self._error("it has a run without a name")
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise self._error(f"it has {twice!r} twice")
        return lines

    def _parsed(self, line):
        try:
            cells = {name: json.loads(line.get(name) or "null") for name in ("kernels", "settings")}
            kernels = [dict(zip(_KERNEL, each, strict=True)) for each in cells["kernels"] or ()]
            if not isinstance(cells["settings"], dict | None) or not all(map(is_kernel, kernels)):
                raise TypeError
        except (ValueError, TypeError, RecursionError):
            raise self._error(f"`kernels` or `settings` of {line['run']!r} are damaged") from None
        text = ("run", *TEXT)
        values = {k: v or None if k in text else file_text.parse_cell(v) for k, v in line.items()}
        if "settings" in line:
            values["settings"] = cells["settings"]
        for key, value in values.items():
            # Metrics that a run has not are empty, and a table may have columns of the user's own.
            reason = value is not None and key in DESCRIPTIONS and wrong(key, value)
            if reason:
                raise self._error(f"{reason} in {line['run']!r}")
        return {**values, "kernels": kernels}

    def _error(self, reason):
        return ValueError(
            f"The table must be one that bin/sweep.py wrote: {reason}. Received: {self.path}. Name "
            "another file, or mend it."
        )
