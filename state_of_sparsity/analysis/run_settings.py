"""The settings of a run, `{name: JSON value}`: without seeds, and where they differ."""

import ast
import hashlib
import json
from collections.abc import Iterable, Mapping


def without_seeds(settings: Mapping) -> dict:
    """Returns the settings that are no seed: equal for runs that differ in their seeds only.

    Args:
        settings: `{name: value}`. A seed is one whose name ends in `seed`, such as `SEED` or
            `digits.Digits.seed`.
    """
    return {name: value for name, value in settings.items() if not _is_seed(name)}


def config_hash(settings: Mapping) -> str:
    """Returns 12 hexadecimal digits, equal for settings that differ in seeds only."""
    return hashlib.sha256(as_text(without_seeds(settings)).encode("utf-8")).hexdigest()[:12]


def as_text(settings: Mapping) -> str:
    """Returns settings as text that is equal for equal settings."""
    return json.dumps(settings, sort_keys=True)


def differences(settings: Mapping, others: Iterable[Mapping]) -> dict:
    """Returns those settings that not all others have with the same value."""
    others = list(others)
    return {
        name: value
        for name, value in settings.items()
        if not all(name in other and other[name] == value for other in others)
    }


def in_words(settings: Mapping) -> str:
    """Returns settings as `NAME = value, NAME = value`."""
    pairs = sorted(settings.items())
    return ", ".join(f"{k} = {v if isinstance(v, str) else json.dumps(v)}" for k, v in pairs)


def of_gin_text(text: str) -> dict:
    """Returns the settings of runs that recorded them as text in `config.gin` alone.

    Args:
        text: an operative configuration of gin.
    """
    lines = []
    for line in text.splitlines():
        if line[:1].isspace() and lines:
            lines[-1] = lines[-1].rstrip(" \\") + " " + line.strip()  # gin continues a long line
        else:
            lines.append(line)
    pairs = (line.split(" = ", 1) for line in lines if " = " in line and line[0] != "#")
    return {name.strip(): _literal(value) for name, value in pairs}


def _is_seed(name):
    last = name.replace("/", ".").split(".")[-1].lower()
    return last == "seed" or last.endswith("_seed")


def _literal(text):
    """Returns a value as JSON holds it; references to others, and what is damaged, as text."""
    try:
        return json.loads(json.dumps(ast.literal_eval(text.strip()), allow_nan=False))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return text.strip()
