"""Writes the page on translation, with its tables and plots, from the table of runs.

    python studies/translation/page.py --table=docs/results/translation/runs.csv \
        --output=docs/results/translation.md

The text is page.md beside this file; a line `{{name}}` in it is where a table goes.
"""

import pathlib

import sample_table

from state_of_sparsity.analysis.pages import by_sparsity, study_page

METRIC = "bleu"
TEMPLATE = pathlib.Path(__file__).with_name("page.md")


def parts(rows, folder):
    """Returns what goes into the text, by name."""
    samples = study_page.rows_if_there(folder / "samples.csv")
    return {
        **by_sparsity.parts(rows, METRIC, folder),
        "samples": sample_table.markdown(samples),
    }


def draw(rows, folder):
    """Writes the plots into the folder."""
    by_sparsity.draw_trade_off(rows, METRIC, folder)


if __name__ == "__main__":
    study_page.main(__doc__, TEMPLATE, parts, draw)
