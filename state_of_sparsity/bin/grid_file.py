"""Files of grids: a grid a line, such as all settings that a study tried; `#` begins a comment."""

import pathlib
from collections.abc import Iterable

from state_of_sparsity.bin import gin_app

SUFFIX = ".grid"


def lines(grids: Iterable[str]) -> list[str]:
    """Returns grids with those of files in place of the files.

    Args:
        grids: texts as `grid.cells` takes them, and `FILE.grid NAME=VALUE,VALUE`: every line of the
            file with these axes added. Files are looked for where gin files are.

    Raises:
        ValueError: if a file is not there, is no text, or has no line.

    Example:

    >>> lines(["quickstart/dense.gin SEED=0,1", "grids/resnet50/dense.grid STEPS=10"])
    ['quickstart/dense.gin SEED=0,1', 'resnet50/dense.gin SEED=0,1,2 STEPS=10']
    """
    found = []
    for text in grids:
        name, *axes = text.split() or [""]
        if name.endswith(SUFFIX):
            found += [" ".join([line, *axes]) for line in _read(name)]
        else:
            found.append(text)
    return found


def _read(name):
    """Returns the lines of a file, without comments."""
    package = gin_app.gin_configs()
    places = [pathlib.Path(), package, package.parent]
    path = next((place / name for place in places if (place / name).is_file()), None)
    if path is None:
        known = sorted(str(p.relative_to(package)) for p in package.rglob(f"*{SUFFIX}"))
        raise ValueError(
            f"`grid` must name a file that is there. Received: {name!r}. The package has "
            f"{', '.join(known)}."
        )
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"`grid` must name a file of text. Received: {name!r}.") from None
    found = [line.strip() for line in text.splitlines()]
    found = [line for line in found if line and not line.startswith("#")]
    if not found:
        raise ValueError(f"`grid` must name a file with a grid a line. Received: {name!r}.")
    return found
