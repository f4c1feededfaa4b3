"""A `Report` as a table of pandas."""

from typing import Any

from state_of_sparsity import extras
from state_of_sparsity.accounting.kernel_report import COLUMNS

with extras.explained():
    import pandas as pd

# Integers that may not be known; the type of pandas that has a word for that.
_MAYBE = ("multiply_adds", "sparse_multiply_adds", "inputs_left", "outputs_left")


def data_frame(report: Any) -> pd.DataFrame:
    """Returns a row a kernel, in structural order; columns as in CSV, sizes by gzip left out."""
    columns = [column for column in COLUMNS if column != "bytes_gzip"]
    rows = [{column: getattr(row, column) for column in columns} for row in report.layers]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(_MAYBE, "Int64"))
