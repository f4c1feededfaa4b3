"""Grids of runs: one gin file, and every combination of some values of its macros."""

import dataclasses
import itertools
import pathlib
import re


@dataclasses.dataclass(frozen=True)
class Cell:
    """One run of a grid.

    Args:
        gin_file: its gin file.
        settings: pairs of macro and value, both as text.
        shared: gin bindings that all cells have, and that name no directory.
    """

    gin_file: str
    settings: tuple[tuple[str, str], ...]
    shared: tuple[str, ...] = ()

    @property
    def bindings(self):
        """The gin bindings, e.g. `["SPARSITY = 0.9", "SEED = 0"]`, those of the grid last."""
        return [*self.shared, *(f"{name} = {value}" for name, value in self.settings)]

    @property
    def directory(self):
        """The run directory relative to the sweep's, e.g. `dense/seed_0`.

        The first folder of the gin file is left out, further ones inside it are kept:
        `lenet/dense/lenet_5.gin` runs in `dense/lenet_5/...`.
        """
        values = "_".join(f"{name}_{value}".lower() for name, value in self.settings)
        path = pathlib.PurePath(self.gin_file).with_suffix("")
        parts = [part for part in path.parts if part not in ("..", "gin_configs")]
        parts = [path.name] if path.is_absolute() or len(parts) < 2 else parts[1:]
        folder = "/".join(parts)
        return f"{folder}/{re.sub('[^a-z0-9_.+-]', '', values) or 'run'}"


def cells(grid):
    """Returns the cells of a grid, the last macro varying fastest.

    Args:
        grid: text such as `quickstart/random_pruning.gin SPARSITY=0.5,0.9 SEED=0,1,2`.

    Returns:
        A list of `Cell`s.

    Raises:
        ValueError: if the text does not have that form.

    Example:

    >>> [cell.directory for cell in cells("quickstart/dense.gin SEED=0,1")]
    ['dense/seed_0', 'dense/seed_1']
    """
    gin_file, *axes = grid.split() or [""]
    if not gin_file.endswith(".gin"):
        raise ValueError(
            f"`grid` must be a gin file followed by axes as NAME=VALUE,VALUE. Received: {grid!r}."
        )
    choices = []
    for axis in axes:
        name, equals, values = axis.partition("=")
        if not (name and equals and all(values.split(","))):
            raise ValueError(f"`grid` must have axes as NAME=VALUE,VALUE. Received: {axis!r}.")
        if any(name == choice[0][0] for choice in choices):
            raise ValueError(f"`grid` must name each macro once. Received: {grid!r}.")
        choices.append([(name, value) for value in values.split(",")])
    found = [Cell(gin_file, settings) for settings in itertools.product(*choices)]
    _check_distinct(found, grid)
    return found


def all_cells(grids, bindings=()):
    """Returns the cells of several grids, in their order.

    Args:
        grids: texts as `cells` takes them.
        bindings: gin bindings that all cells have.

    Raises:
        ValueError: if one does not have that form, or two cells would share a run directory.
    """
    found = [
        dataclasses.replace(cell, shared=tuple(bindings)) for grid in grids for cell in cells(grid)
    ]
    _check_distinct(found, grids)
    return found


def _check_distinct(found, received):
    if len({cell.directory for cell in found}) < len(found):
        raise ValueError(
            "`grid` must have cells that differ in letters, digits or any of _.+-, which name the "
            f"run directories. Received: {received!r}."
        )
