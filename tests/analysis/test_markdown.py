import math

import pytest

from state_of_sparsity.analysis.markdown import percent, table


def test_table():
    text = table(["run", "steps"], [["a|b", 1000], ["c", None], [math.nan, 7]])
    assert text.splitlines() == [
        "| run | steps |",
        "| --- | ---: |",
        "| a\\|b | 1,000 |",
        "| c | - |",
        "| - | 7 |",
    ]
    with pytest.raises(ValueError, match="`rows` must have 2 cells"):
        table(["a", "b"], [[1]])


def test_percent():
    assert percent(0.9) == "90.00 %" and percent(0.9, 0) == "90 %" and percent(None) is None
