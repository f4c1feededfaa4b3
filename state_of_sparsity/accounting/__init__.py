"""What a model weighs: sizes, non-zeros, multiply-adds and bytes of its kernels."""

from state_of_sparsity.accounting.model_report import Report, report

__all__ = ["Report", "report"]
