"""Patterns: which sets of weights a mask may drop, where not any weights may go."""

from state_of_sparsity.patterns.block import Block
from state_of_sparsity.patterns.n_of_m import NOfM
from state_of_sparsity.patterns.pattern import Pattern
from state_of_sparsity.patterns.per_output import PerOutput

__all__ = ["Block", "NOfM", "Pattern", "PerOutput"]
