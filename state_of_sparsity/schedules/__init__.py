"""How much is pruned when: sparsities, and ramps of penalties, by the step."""

from state_of_sparsity.schedules.alternating import Alternating
from state_of_sparsity.schedules.ramp import Ramp
from state_of_sparsity.schedules.sparsity import ConstantSparsity, PolynomialDecay
from state_of_sparsity.schedules.target_sparsity import TargetSparsity

__all__ = ["Alternating", "ConstantSparsity", "PolynomialDecay", "Ramp", "TargetSparsity"]
