import csv
import io

import pytest

from state_of_sparsity.table_cells import csv_text, for_csv, for_markdown, from_csv

FORMULAS = [
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-x",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\uff1d1+1",
    "'=1",
]


@pytest.mark.parametrize("text", [*FORMULAS, "''=1", "'quoted'", "-", "plain", "", "it's", "'"])
def test_no_cell_is_a_formula_and_all_come_back(text):
    cell = for_csv(text)
    assert cell[:1] not in tuple("=+-@\t\r\n\uff1d")
    assert from_csv(cell) == text
    file = csv_text([[text, "b"], [f"a{text}", 1]])
    rows = list(csv.reader(io.StringIO(file, newline="")))
    assert [[from_csv(cell) for cell in row] for row in rows] == [[text, "b"], [f"a{text}", "1"]]


@pytest.mark.parametrize("number", [-0.5, 7, None, "-0.5", "+1e-3", "-inf"])
def test_numbers_stay_numbers(number):
    assert for_csv(number) == number == from_csv(number)


@pytest.mark.parametrize(
    "text", ["a|b", "a\nb", "`a`", "<b>a</b>", "&lt;", "![a](b)", "\\|", "**a**", "\ud800", "\x00"]
)
def test_markdown_shows_the_text_and_does_nothing_else(text):
    shown = for_markdown(text)
    assert not set("|\n\r`<>\\*\x00") & set(shown) and "](" not in shown
    shown.encode("utf-8")
    plain = "plain_text, 0.5 in [0, 1]."
    assert for_markdown(plain) == plain
