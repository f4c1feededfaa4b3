"""Writes the page on tickets, with its tables and plots, from the table of runs.

    python studies/tickets/page.py --table=docs/results/tickets/runs.csv \
        --output=docs/results/tickets.md

Beside the table lie `rounds/seed_*.csv`, which bin/rounds.py wrote, and `lines/*.csv`, which
bin/interpolate.py wrote. The text is page.md beside this file; a line `{{name}}` in it is where a
table goes.
"""

import pathlib

import lines_table
import rounds_table
import tables
from cells import CIFAR10_PRUNED

from state_of_sparsity.analysis import interpolation_plot, rounds_plot
from state_of_sparsity.analysis.pages import study_page
from state_of_sparsity.analysis.run_table import RunTable

TEMPLATE = pathlib.Path(__file__).with_name("page.md")
CIFAR10, MULTI30K = ("tickets/cifar10", "accuracy"), ("tickets/multi30k", "bleu")
LENGTHS = (0.5, 1, 2, 4)


def parts(rows, folder):
    """Returns what goes into the text, by name.

    Args:
        rows: what `RunTable.read` returned.
        folder: where plots and tables lie, beside the page.
    """
    pruned = [
        {**row, "run": f"tickets/cifar10/{row['run']}"}
        for row in RunTable(folder.parent / "cifar10/runs.csv").read()
        if row["run"].partition("/")[0] == CIFAR10_PRUNED
    ]
    cifar10, multi30k = ([*rows, *pruned], *CIFAR10, (0.8, 0.95)), (rows, *MULTI30K, (0.8, 0.9), 1)
    rounds = rounds_table.read(folder / "rounds")
    barriers = lines_table.read(folder / "lines", lines_table.BARRIERS)
    return {
        "runs": f"{len(rows)} run{'s'[: len(rows) != 1]}",
        "rounds": rounds_table.rounds(rounds),
        "rounds plot": f"![Rounds]({folder.name}/rounds.png)" if rounds else "",
        "cifar10": tables.variants(*cifar10),
        "cifar10 orderings": tables.orderings(*cifar10),
        "multi30k": tables.variants(*multi30k),
        "multi30k orderings": tables.orderings(*multi30k),
        "lengths": tables.lengths(rows, _pruned_cells(), _scratch_cells(), "accuracy"),
        "barriers": lines_table.lines(barriers),
        "barrier plot": f"![Lines]({folder.name}/barriers.png)" if barriers else "",
        "instability": lines_table.lines(
            lines_table.read(folder / "lines", lines_table.INSTABILITIES)
        ),
    }


def draw(rows, folder):
    """Writes the plots into the folder."""
    rounds = rounds_table.read(folder / "rounds")
    if rounds:
        rounds_plot.weights_left(rounds, folder / "rounds.png")
    barriers = lines_table.read(folder / "lines", lines_table.BARRIERS)
    if barriers:
        first = {
            title: [c for c in curves[0] if c.split == "train"]
            for title, curves in barriers.items()
        }
        interpolation_plot.plot(
            first, folder / "barriers.png", ends=("the first", "the pruned run")
        )


def _pruned_cells():
    """Returns where the runs of magnitude pruning of each sparsity and length are."""
    return {
        (sparsity, length): (
            "magnitude_pruning",
            "lenet_300_100",
            f"steps_{18_000 * length:.0f}_end_step_{9_000 * length:.0f}_sparsity_{sparsity}",
        )
        for sparsity in (0.9, 0.98)
        for length in LENGTHS
    }


def _scratch_cells():
    return {
        (sparsity, length): ("tickets/length", f"scratch_{sparsity}", f"length_{length:g}")
        for sparsity in (0.9, 0.98)
        for length in LENGTHS
    }


if __name__ == "__main__":
    study_page.main(__doc__, TEMPLATE, parts, draw)
