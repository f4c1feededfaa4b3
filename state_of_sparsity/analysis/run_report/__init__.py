"""A report on a set of runs, in Markdown and as one HTML page: `write_report`."""

from state_of_sparsity.analysis.run_report.write import TITLE, write_report

__all__ = ["TITLE", "write_report"]
