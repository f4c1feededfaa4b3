"""`tfmot.sparsity.keras`."""

from state_of_sparsity.schedules.sparsity import ConstantSparsity, PolynomialDecay
from state_of_sparsity.tfmot.callbacks import PruningSummaries, UpdatePruningStep
from state_of_sparsity.tfmot.latency_policy import PruneForLatencyOnXNNPack
from state_of_sparsity.tfmot.prunable_kernels import PrunableLayer
from state_of_sparsity.tfmot.prune import prune_low_magnitude, prune_scope, strip_pruning
from state_of_sparsity.tfmot.prune_low_magnitude import PruneLowMagnitude
from state_of_sparsity.tfmot.pruning_policy import PruningPolicy
from state_of_sparsity.tfmot.pruning_schedule import PruningSchedule

__all__ = [
    "ConstantSparsity",
    "PolynomialDecay",
    "PrunableLayer",
    "PruneForLatencyOnXNNPack",
    "PruneLowMagnitude",
    "PruningPolicy",
    "PruningSchedule",
    "PruningSummaries",
    "UpdatePruningStep",
    "prune_low_magnitude",
    "prune_scope",
    "strip_pruning",
]
