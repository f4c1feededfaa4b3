# The public names, for type checkers, for editors, and for `__init__.py`, which reads here from
# where to import each when it is first used. One line a name: `from its.home import name as name`.

from state_of_sparsity import distributions as distributions
from state_of_sparsity import inference as inference
from state_of_sparsity import patterns as patterns
from state_of_sparsity import schedules as schedules
from state_of_sparsity.accounting import report as report
from state_of_sparsity.compressed_file import save_compressed as save_compressed
from state_of_sparsity.layers import ACDC as ACDC
from state_of_sparsity.layers import SET as SET
from state_of_sparsity.layers import FixedMask as FixedMask
from state_of_sparsity.layers import L0Regularization as L0Regularization
from state_of_sparsity.layers import MagnitudePruning as MagnitudePruning
from state_of_sparsity.layers import MovementPruning as MovementPruning
from state_of_sparsity.layers import RandomPruning as RandomPruning
from state_of_sparsity.layers import RigL as RigL
from state_of_sparsity.layers import SaliencyPruning as SaliencyPruning
from state_of_sparsity.layers import ScheduledMask as ScheduledMask
from state_of_sparsity.layers import SoftThreshold as SoftThreshold
from state_of_sparsity.layers import SparseWrapper as SparseWrapper
from state_of_sparsity.layers import StraightThrough as StraightThrough
from state_of_sparsity.layers import TopKAST as TopKAST
from state_of_sparsity.layers import VariationalDropout as VariationalDropout
from state_of_sparsity.layers import Wanda as Wanda
from state_of_sparsity.surgery.fix_masks import fix_masks as fix_masks
from state_of_sparsity.surgery.freeze import freeze as freeze
from state_of_sparsity.surgery.sparsify import sparsify as sparsify
from state_of_sparsity.surgery.strip import strip as strip
from state_of_sparsity.surgery.strip import write_zeros as write_zeros
from state_of_sparsity.surgery.structure import masks as masks
from state_of_sparsity.surgery.structure import sparse_layers as sparse_layers
from state_of_sparsity.updates.observe import observe as observe
from state_of_sparsity.updates.sparsity_log import SparsityLog as SparsityLog
from state_of_sparsity.updates.update_sparsity import UpdateSparsity as UpdateSparsity
from state_of_sparsity.version import __version__ as __version__
from state_of_sparsity.wrapping.powerpropagation import Powerpropagation as Powerpropagation
