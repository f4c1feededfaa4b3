"""How much is pruned when: sparsities, and ramps of penalties, by the step."""

from state_of_sparsity.schedules.alternating import Alternating
from state_of_sparsity.schedules.ramp import Ramp
from state_of_sparsity.schedules.sparsity import ConstantSparsity, PolynomialDecay

__all__ = ["Alternating", "ConstantSparsity", "PolynomialDecay", "Ramp"]
