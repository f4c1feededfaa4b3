"""Loss and error on the line between two runs: the table, and how high they rise between."""

import dataclasses
import os
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from state_of_sparsity.analysis import file_text
from state_of_sparsity.analysis.metrics import is_of_several_guesses
from state_of_sparsity.table_cells import csv_text

# Frankle et al., 2020, section 2.
STABLE = 0.02
_COLUMNS = ("split", "alpha", "loss")
_ROUNDING = 1e-6  # of a curve's range, which is no rise or fall


@dataclasses.dataclass(frozen=True)
class Curve:
    """A figure at places on the line between two runs.

    Args:
        split: what it was measured on.
        figure: `loss` or `error`; of both, less is better.
        alpha: the places in increasing order, 0 and 1 among them.
        values: the figure at each.
    """

    split: str
    figure: str
    alpha: tuple[float, ...]
    values: tuple[float, ...]

    @property
    def ends(self) -> tuple[float, float]:
        """The figure of both runs."""
        return self.values[self.alpha.index(0.0)], self.values[self.alpha.index(1.0)]

    @property
    def highest(self) -> tuple[float, float]:
        """The highest value from 0 to 1, and where it is; NaN, if one is."""
        alpha, values = self._between()
        place = int(np.argmax(values))
        return float(values[place]), float(alpha[place])

    @property
    def instability(self) -> float:
        """The highest value from 0 to 1, less the mean of the ends.

        Reference: Frankle, Dziugaite, Roy, Carbin, "Linear Mode Connectivity and the Lottery Ticket
        Hypothesis", 2020, section 2.
        """
        return self.highest[0] - sum(self.ends) / 2

    @property
    def barrier(self) -> float:
        """The most that a value from 0 to 1 lies above the straight line between the ends.

        Reference: Entezari et al., "The Role of Permutation Invariance in Linear Mode Connectivity
        of Neural Networks", 2022, section 2.
        """
        first, second = self.ends
        alpha, values = self._between()
        return float(np.max(values - (1 - alpha) * first - alpha * second))

    @property
    def course(self) -> str:
        """`falls` or `rises`, where it does nothing else from 0 to 1; else `neither`."""
        _, values = self._between()
        steps, least = np.diff(values), _ROUNDING * np.ptp(values)
        if (steps <= least).all() and values[0] > values[-1]:
            return "falls"
        return "rises" if (steps >= -least).all() and values[0] < values[-1] else "neither"

    def _between(self):
        alpha, values = np.array(self.alpha), np.array(self.values)
        inside = (alpha >= 0) & (alpha <= 1)
        return alpha[inside], values[inside]


def with_error(row: Mapping) -> dict:
    """Returns figures with the `error`, one less the first accuracy; None where there is none."""
    firsts = (name for name in row if not is_of_several_guesses(name))
    accuracy = next((row[name] for name in firsts if name.endswith("accuracy")), None)
    return {**row, "error": None if accuracy is None else 1 - accuracy}


def to_csv(rows: Sequence[Mapping]) -> str:
    """Returns the text of a CSV file of rows as `training.interpolation.on_line` yields them.

    Args:
        rows: one a place and split, of one kind each; `with_error`.
    """
    return csv_text([list(rows[0]), *(row.values() for row in rows)])


def read(path: str | os.PathLike) -> list[Curve]:
    """Returns the curves of a CSV file that `to_csv` made; raises a `ValueError` if it is damaged.

    Args:
        path: the file.
    """
    rows = file_text.read_csv(path, _COLUMNS)
    try:
        numbers = [{k: v if k == "split" else _number(v) for k, v in row.items()} for row in rows]
        return curves(numbers)
    except (ValueError, TypeError) as error:
        raise ValueError(
            "The table must be one that bin/interpolate.py wrote, with places 0 and 1 of each "
            f"split ({error}). Received: {os.fspath(path)}. Make it anew."
        ) from None


def _number(cell):
    return float(cell) if cell else None


def curves(rows: Iterable[Mapping]) -> list[Curve]:
    """Returns a curve for each split and figure.

    Args:
        rows: one a place and split, `with_error`.
    """
    found = []
    ordered = sorted(rows, key=lambda row: row["alpha"])
    for split in dict.fromkeys(row["split"] for row in ordered):
        own = [row for row in ordered if row["split"] == split]
        alpha = tuple(row["alpha"] for row in own)
        if not {0.0, 1.0} <= set(alpha):
            raise ValueError(f"0 or 1 is missing for {split!r}")
        for figure in ("loss", "error"):
            values = [row[figure] for row in own if row.get(figure) is not None]
            if len(values) == len(own):
                found.append(Curve(split, figure, alpha, tuple(values)))
    return found


HEADER = (
    *("Split", "Figure", "at 0", "at 1", "highest", "at alpha", "above the mean of the ends"),
    *("above their line", "from 0 to 1"),
)


def table_rows(found: Iterable[Curve]) -> list[list[str]]:
    """Returns the cells of a table of curves, for `HEADER`."""
    rows = []
    for curve in found:
        highest, place = curve.highest
        shown = _percent if curve.figure == "error" else _four_digits
        cells = [*map(shown, (*curve.ends, highest)), f"{place:.3g}"]
        above = map(shown, (curve.instability, curve.barrier))
        rows.append([curve.split, curve.figure, *cells, *above, curve.course])
    return rows


def verdict(found: Iterable[Curve]) -> list[str]:
    """Returns a sentence on each error: whether two copies are stable, or what lies between others.

    Two runs whose errors are not within the bound are no copies: of these it is the barrier that
    tells something.
    """
    return [_verdict(curve) for curve in found if curve.figure == "error"]


def _verdict(curve):
    if not any(0 < alpha < 1 for alpha in curve.alpha):
        return f"Nothing between the ends was evaluated on {curve.split} data: no verdict."
    rise, barrier = 100 * curve.instability, 100 * curve.barrier
    apart = abs(curve.ends[0] - curve.ends[1])
    if apart >= STABLE:
        return (
            f"On {curve.split} data the error rises {barrier:.2f} points above the line between "
            f"the ends, which differ by {100 * apart:.2f} points, and {rise:.2f} above their mean."
        )
    stable = "stable" if curve.instability < STABLE else "not stable"
    return (
        f"On {curve.split} data the error rises {rise:.2f} points above the mean of the ends: "
        f"{stable}, by the bound of {100 * STABLE:g} points."
    )


def _percent(value):
    return f"{100 * value:.2f} %"


def _four_digits(value):
    return f"{value:.4g}"
