"""Writes the page on learned sparsity with a target, from the table of runs.

    python studies/targets/page.py --table=docs/results/targets/runs.csv \
        --output=docs/results/targets.md

The text is page.md beside this file; a line `{{runs}}` in it is where the table goes.
"""

import collections
import pathlib
import statistics

from state_of_sparsity.analysis import words
from state_of_sparsity.analysis.markdown import table
from state_of_sparsity.analysis.pages import study_page

TEMPLATE = pathlib.Path(__file__).with_name("page.md")
NEAR = 0.005  # what a target is to be met by


def parts(rows, folder):
    """Returns what goes into the text, by name.

    Args:
        rows: what `RunTable.read` returned.
        folder: where the table lies, beside the page.
    """
    missed = [row["run"] for row in rows if abs(row["sparsity"] - _target(row)) > NEAR]
    count = f"[{len(rows)} run{'s'[: len(rows) != 1]}]({folder.name}/runs.csv)"
    farther = ", ".join(f"`{run}`" for run in missed) or "none"
    return {
        "count": count,
        "runs": _table(rows),
        "missed": f"Farther than half a point: {farther}.",
    }


def draw(rows, folder):
    """Draws nothing: a table says it."""


def _table(rows):
    cells = collections.defaultdict(list)
    for row in sorted(rows, key=lambda row: row["seed"]):
        cells[row["data_set"], row["model"], row["technique"], _target(row)].append(row)
    lines = []
    for (data, model, technique, target), members in sorted(cells.items()):
        reached = [100 * row["sparsity"] for row in members]
        lines.append(
            [
                f"{words.words(data)}, {words.words(model)}",
                words.capital(words.words(technique)),
                f"{100 * target:g}",
                ", ".join(f"{each:.2f}" for each in reached),
                f"{max(abs(each - 100 * target) for each in reached):.2f}",
                f"{100 * statistics.fmean(row['accuracy'] for row in members):.2f}",
                ", ".join(f"{100 * row['accuracy']:.2f}" for row in members),
            ]
        )
    header = ["Experiment", "Technique", "Target (%)", "Reached (%), each seed", "Farthest"]
    return table([*header, "Accuracy (%)", "Each seed"], lines)


def _target(row):
    return row["settings"]["SPARSITY"]


if __name__ == "__main__":
    study_page.main(__doc__, TEMPLATE, parts, draw)
