"""The files of a run directory, checked: nothing that comes from here takes a report down."""

import pathlib
import re
import reprlib
from typing import Any

from state_of_sparsity.analysis import file_text
from state_of_sparsity.arguments import is_number

# The table of runs names its lines by these itself.
OF_THE_TABLE = ("run", "kernels")

_LARGEST = 1e100  # more than that is damage, and plots cannot show it
_LONGEST = 1000


def _is_number(value):
    return is_number(value) and abs(value) < _LARGEST


def _is_fraction(value):
    return _is_number(value) and 0 <= value <= 1


def _is_count(value):
    return _is_number(value) and isinstance(value, int) and value >= 0


def _is_text(value):
    if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST:
        return False
    return value == value.encode("utf-8", "replace").decode("utf-8")


def _is_settings(value):
    return isinstance(value, dict) and all(map(_is_text, value))


# What `result.json` may hold to describe a run: names, what they are, and how that is said. What
# else is there judges it, and is a number.
_NAMES = ("name", "technique", "distribution", "start", "data_set", "model", "optimizer")
TEXT = (*_NAMES, "config_hash", "commit", "version")  # hexadecimal digits may look like a number
_COUNTS = (
    *("size", "nonzero", "multiply_adds", "sparse_multiply_adds", "training_multiply_adds"),
    *("seed", "steps"),
)
_RULES = [
    (TEXT, _is_text, f"text of at most {_LONGEST:,} characters"),
    (("sparsity", "target_sparsity"), _is_fraction, "a number in [0, 1]"),
    ((*_COUNTS, "batch_size"), _is_count, "an integer of at least 0"),
    (("loss", "learning_rate", "wall_time_s"), _is_number, "a number"),
    (("settings",), _is_settings, "an object of JSON by name"),
]
_KINDS = {name: (is_right, kind) for names, is_right, kind in _RULES for name in names}
_A_NUMBER = _is_number, "a number"
DESCRIPTIONS = frozenset(_KINDS)
_REQUIRED = ("technique", "sparsity")


def read_result(run_dir: pathlib.Path) -> dict:
    """Returns what `result.json` of a run directory holds, each value of its type and range.

    Raises:
        ValueError: if the run is not finished, or its result cannot be used.
    """
    try:
        result = file_text.read_json(run_dir / "result.json")
    except FileNotFoundError:
        raise ValueError("not finished: no result.json") from None
    for key in _REQUIRED:
        if not isinstance(result, dict) or result.get(key) is None:
            raise ValueError(f"result.json has no {key}")
    floats = {key: value for key, value in result.items() if isinstance(value, float)}
    broken = [f"{_shown(key)} is {'NaN' if v != v else v}" for key, v in floats.items() if v - v]
    if broken:
        raise ValueError(f"failed: {', '.join(broken)}")
    result = {key: value for key, value in result.items() if key not in OF_THE_TABLE}
    for key, value in result.items():
        if value is not None or key in _REQUIRED or key not in DESCRIPTIONS:
            reason = wrong(key, value)
            if reason:
                raise ValueError(f"result.json: {reason}")
    return result


def wrong(key: str, value: Any) -> str | None:
    """Returns why a value of a result is of another type or range than it must be, None if not.

    Args:
        key: its name; what is no description is a metric.
        value: the value.
    """
    metric = (_is_fraction, "a number in [0, 1]") if key.endswith("accuracy") else _A_NUMBER
    is_right, kind = _KINDS.get(key, metric)
    if is_right(value) and _is_text(key):
        return None
    return f"`{_shown(key)}` must be {kind}. Received: {reprlib.repr(value)}"


def _shown(key):
    return reprlib.repr(key)[1:-1]


def read_layers(run_dir: pathlib.Path) -> list[dict]:
    """Returns the rows of `report.csv`: one kernel each, `[]` if there is no such file.

    Raises:
        ValueError: if a row has no path, or not as many non-zeros as weights at most.
    """
    path = run_dir / "report.csv"
    try:
        lines = file_text.read_csv(path)
    except FileNotFoundError:
        return []
    text = ("path", "technique")
    rows = [
        {k: v or None if k in text else file_text.parse_cell(v) for k, v in line.items()}
        for line in lines
    ]
    for number, row in enumerate(rows, start=1):
        if not is_kernel(row):
            received = [reprlib.repr(row.get(key)) for key in ("path", "nonzero", "size")]
            raise ValueError(
                f"report.csv: row {number} must have a path, and `nonzero` of `size` weights. "
                f"Received: {', '.join(received)}"
            )
    return rows


def is_kernel(row: dict) -> bool:
    """Returns whether a row has a path, weights, and not more non-zeros than these."""
    size, nonzero = row.get("size"), row.get("nonzero")
    counted = _is_count(size) and _is_count(nonzero) and 0 < row["size"] >= row["nonzero"]
    return counted and _is_text(row.get("path"))


def read_peak_memory(run_dir: pathlib.Path) -> int | None:
    """Returns the most bytes that a run held, of an accelerator where it had one.

    None where `progress.jsonl` does not say; what is damaged in it is passed over.
    """
    try:
        lines = file_text.read(run_dir / "progress.jsonl").splitlines()
    except (FileNotFoundError, ValueError):
        return None
    for name in ("peak_device_memory_bytes", "peak_memory_bytes"):
        pairs = (re.search(rf'"{name}": (\d{{1,18}})\b', line) for line in lines)
        found = [int(pair[1]) for pair in pairs if pair]
        if found:
            return max(found)
    return None


def read_config(run_dir: pathlib.Path) -> str:
    """Returns the text of `config.gin`, empty if there is no such file."""
    try:
        return file_text.read(run_dir / "config.gin")
    except FileNotFoundError:
        return ""
