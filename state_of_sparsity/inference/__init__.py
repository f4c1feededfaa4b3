"""Inference with sparse products on a processor: `sos.inference.compile(model)`.

Needs numba, which the extra `inference` brings.
"""

from state_of_sparsity.inference.compile_model import compile as compile

__all__ = ["compile"]
