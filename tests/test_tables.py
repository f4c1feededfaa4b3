"""Tables as text: columns stand below each other, whatever is in them."""

import pytest

from state_of_sparsity import tables

ROWS = [["kernel", "shape", "weights"], ["a/kernel", "3x4", "12"], ["", "", "1,000,000"]]


def test_columns_to_the_left_and_to_the_right():
    assert tables.aligned(ROWS, "<>") == [
        "kernel    shape    weights",
        "a/kernel    3x4         12",
        "                 1,000,000",
    ]
    assert tables.aligned([["a", "b"], ["long", "c"]], "<") == ["a     b", "long  c"]


def test_widths():
    assert tables.widths(ROWS) == [8, 5, 9]
    assert tables.widths(ROWS, least=6) == [8, 6, 9]
    assert tables.line_width([8, 5, 9]) == len(tables.aligned(ROWS, "<>")[0])
    assert tables.aligned([["1"]], ">", least=4) == ["   1"]


def test_rows_of_other_lengths_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        tables.aligned([["a", "b"], ["c"]], "<")


def test_lines_of_markdown():
    assert tables.markdown_line(["---", "a|b"]) == "| --- | a|b |"
