"""Writes the page that compares techniques, with its tables and plot, from the table of runs.

    python studies/techniques/page.py --table=docs/results/techniques/runs.csv \
        --output=docs/results/techniques.md

Runs of the pages on CIFAR-10 and on translation are shown beside these; beside the table lie
`multi30k.csv`, the runs on Multi30k, and `step_time.json` and `memory.json`, which benchmarks
wrote. The text is page.md beside this file; a line `{{name}}` in it is where a table goes.
"""

import pathlib

import cost_plot
import tables
import translation_table
from cells import cells

from state_of_sparsity.analysis.pages import study_page
from state_of_sparsity.analysis.run_table import RunTable

TEMPLATE = pathlib.Path(__file__).with_name("page.md")
LEVELS = (0.9, 0.95)


def parts(rows, folder):
    """Returns what goes into the text, by name.

    Args:
        rows: what `RunTable.read` returned.
        folder: where the plot and the tables lie, beside the page.
    """
    found = _with_cifar10(rows, folder)
    translation = translation_table.cells(folder)
    return {
        "runs": f"{len(rows)} run{'s'[: len(rows) != 1]}",
        **{f"results {level}": tables.results(found, level) for level in LEVELS},
        "orderings": tables.orderings(found, LEVELS),
        "multi30k": translation_table.results(translation),
        "multi30k orderings": translation_table.orderings(translation),
        "plot": f"![Accuracy against the cost of training]({folder.name}/cost.png)",
        "steps": tables.steps(folder / "step_time.json", folder / "memory.json"),
    }


def draw(rows, folder):
    """Writes the plot into the folder."""
    cost_plot.draw(_with_cifar10(rows, folder), LEVELS, folder / "cost.png")


def _with_cifar10(rows, folder):
    return cells([*rows, *RunTable(folder.parent / "cifar10/runs.csv").read()])


if __name__ == "__main__":
    study_page.main(__doc__, TEMPLATE, parts, draw)
