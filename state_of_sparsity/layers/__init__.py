"""The techniques: sparse wrappers of Keras layers, one a file, and what several share."""

from state_of_sparsity.layers.acdc import ACDC
from state_of_sparsity.layers.fixed_mask import FixedMask
from state_of_sparsity.layers.l0_regularization import L0Regularization
from state_of_sparsity.layers.magnitude_pruning import MagnitudePruning
from state_of_sparsity.layers.movement_pruning import MovementPruning
from state_of_sparsity.layers.random_pruning import RandomPruning
from state_of_sparsity.layers.rigl import RigL
from state_of_sparsity.layers.saliency_pruning import SaliencyPruning
from state_of_sparsity.layers.scheduled_mask import ScheduledMask
from state_of_sparsity.layers.set import SET
from state_of_sparsity.layers.soft_threshold import SoftThreshold
from state_of_sparsity.layers.straight_through import StraightThrough
from state_of_sparsity.layers.top_kast import TopKAST
from state_of_sparsity.layers.variational_dropout import VariationalDropout
from state_of_sparsity.layers.wanda import Wanda
from state_of_sparsity.wrapping.base import SparseWrapper
from state_of_sparsity.wrapping.quantization import refuse_sparse_models

__all__ = [
    "ACDC",
    "SET",
    "FixedMask",
    "L0Regularization",
    "MagnitudePruning",
    "MovementPruning",
    "RandomPruning",
    "RigL",
    "SaliencyPruning",
    "ScheduledMask",
    "SoftThreshold",
    "SparseWrapper",
    "StraightThrough",
    "TopKAST",
    "VariationalDropout",
    "Wanda",
]

refuse_sparse_models(SparseWrapper)
