"""Writes the page on CIFAR-10, with its tables and plots, from the table of runs.

    python studies/cifar10/page.py --table=docs/results/cifar10/runs.csv \
        --output=docs/results/cifar10.md

The text is page.md beside this file; a line `{{name}}` in it is where a table goes.
"""

import pathlib

from state_of_sparsity.analysis.pages import by_sparsity, study_page

METRIC = "accuracy"
TEMPLATE = pathlib.Path(__file__).with_name("page.md")


def parts(rows, folder):
    """Returns what goes into the text, by name."""
    return by_sparsity.parts(rows, METRIC, folder)


def draw(rows, folder):
    """Writes the plots into the folder."""
    by_sparsity.draw_trade_off(rows, METRIC, folder)
    by_sparsity.draw_layers(rows, METRIC, folder)


if __name__ == "__main__":
    study_page.main(__doc__, TEMPLATE, parts, draw)
