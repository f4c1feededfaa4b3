"""Writes the page on MNIST, with its tables and plots, from the table of runs.

    python studies/mnist/page.py --table=docs/results/mnist/runs.csv --output=docs/results/mnist.md

The text is page.md beside this file; a line `{{name}}` in it is where a table goes.
"""

import pathlib

import plots
import tables
from cells import cells
from published import NETWORKS

from state_of_sparsity.analysis.pages import study_page

TEMPLATE = pathlib.Path(__file__).with_name("page.md")


def parts(rows, folder):
    """Returns what goes into the text, by name.

    Args:
        rows: what `RunTable.read` returned.
        folder: where plots and tables lie, beside the page; that of step_time.py, if it was run.
    """
    found = cells(rows)
    parts = {"claims": tables.claims(found), "times": tables.times(found)}
    parts["gates"] = tables.gates(found)
    parts["step times"] = tables.step_times(study_page.rows_if_there(folder / "step_time.csv"))
    for network in NETWORKS:
        parts[f"techniques {network}"] = tables.techniques(found, network)
        parts[f"layers {network}"] = tables.layers(found, network)
        parts[f"architectures {network}"] = tables.architectures(found, network)
    parts["runs"] = f"[{len(rows)} runs]({folder.name}/runs.csv)"
    parts["trade off"] = f"![Test error against weights left]({folder.name}/trade_off.png)"
    parts["units"] = f"![Test error against multiply-adds]({folder.name}/units.png)"
    return parts


def draw(rows, folder):
    """Writes the plots into the folder."""
    plots.trade_off(cells(rows), folder / "trade_off.png")
    plots.architectures(cells(rows), folder / "units.png")


if __name__ == "__main__":
    study_page.main(__doc__, TEMPLATE, parts, draw)
