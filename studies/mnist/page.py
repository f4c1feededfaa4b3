"""Writes the page on MNIST, with its tables and plots, from the table of runs.

    python studies/mnist/page.py --table=docs/results/mnist/runs.csv --output=docs/results/mnist.md

The text is page.md beside this file; a line `{{name}}` in it is where a table goes.
"""

import argparse
import pathlib
import re

import plots
import tables
from published import NETWORKS
from runs import cells

from state_of_sparsity import atomic_write
from state_of_sparsity.analysis import file_text
from state_of_sparsity.analysis.run_table import RunTable

TEMPLATE = pathlib.Path(__file__).with_name("page.md")


def page(rows, folder, step_times=()):
    """Returns the page as text.

    Args:
        rows: what `RunTable.read` returned.
        folder: where plots and table lie, relative to the page.
        step_times: rows of step_time.py's table, dicts of text; none where it was not run.
    """
    found = cells(rows)
    parts = {"claims": tables.claims(found), "times": tables.times(found)}
    parts["gates"] = tables.gates(found)
    parts["step times"] = tables.step_times(step_times)
    for network in NETWORKS:
        parts[f"techniques {network}"] = tables.techniques(found, network)
        parts[f"layers {network}"] = tables.layers(found, network)
        parts[f"architectures {network}"] = tables.architectures(found, network)
    parts["runs"] = f"[{len(rows)} runs]({folder}/runs.csv)"
    parts["trade off"] = f"![Test error against weights left]({folder}/trade_off.png)"
    parts["units"] = f"![Test error against multiply-adds]({folder}/units.png)"
    text = TEMPLATE.read_text(encoding="utf-8")
    return re.sub(r"\{\{(.+?)\}\}", lambda match: parts[match[1]], text)


def read_step_times(folder):
    """Returns the rows of step_time.py's table in a folder, none where it is not there."""
    path = folder / "step_time.csv"
    if not path.exists():
        return []
    return file_text.read_csv(path)


def main():
    """Writes the page beside a folder of its name, which holds the plots."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", required=True, help="CSV file that bin/sweep.py wrote")
    parser.add_argument("--output", required=True, help="the page, e.g. docs/results/mnist.md")
    arguments = parser.parse_args()
    rows = RunTable(arguments.table).read()
    output = pathlib.Path(arguments.output)
    folder = output.with_suffix("")
    plots.trade_off(cells(rows), folder / "trade_off.png")
    plots.architectures(cells(rows), folder / "units.png")
    atomic_write.write_text(output, page(rows, folder.name, read_step_times(folder)))
    print(f"{output}, from {len(rows)} runs.")


if __name__ == "__main__":
    main()
