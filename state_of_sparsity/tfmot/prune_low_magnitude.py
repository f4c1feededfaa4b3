"""`PruneLowMagnitude`: TF-MOT's wrapper, of its arguments and names."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from state_of_sparsity.arguments import is_integer
from state_of_sparsity.layers.magnitude_pruning import MagnitudePruning
from state_of_sparsity.patterns.block import Block, Pooling
from state_of_sparsity.patterns.n_of_m import NOfM
from state_of_sparsity.patterns.pattern import Pattern
from state_of_sparsity.schedules.sparsity import ConstantSparsity, SparsitySchedule
from state_of_sparsity.tfmot.prunable_kernels import check_supported, kernel_names, says_itself
from state_of_sparsity.tfmot.pruning_schedule import PatternSchedule
from state_of_sparsity.version import PACKAGE
from state_of_sparsity.wrapping.kernels import find_kernels
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel


@keras.saving.register_keras_serializable(package=PACKAGE)
class PruneLowMagnitude(MagnitudePruning):
    """Magnitude pruning of a layer, as `prune_low_magnitude` of a layer makes it.

    Args:
        layer: the Keras layer to prune.
        schedule: what TF-MOT calls `pruning_schedule`.
        **kwargs: those of `sos.MagnitudePruning`; `name` is `prune_low_magnitude_` and the layer's
            name by default.
    """

    def __init__(
        self, layer: keras.layers.Layer, schedule: SparsitySchedule, **kwargs: Any
    ) -> None:
        kwargs.setdefault("name", f"prune_low_magnitude_{layer.name}")
        if not says_itself(layer) and kwargs.get("kernels") is None:
            kwargs["kernels"] = kernel_names(layer)
        super().__init__(layer, schedule, **kwargs)

    def kernels_to_wrap(self) -> list[SparseKernel]:
        """Returns the kernels to prune of the built layer."""
        if says_itself(self.layer):
            return find_kernels(self.layer, kernel_names(self.layer))
        return super().kernels_to_wrap()

    @property
    def pruning_vars(self) -> list[tuple[keras.Variable, keras.Variable, np.ndarray]]:
        """Triples of each pruned weight, its mask and its threshold, the largest masked value."""
        return [
            (kernel.variable, self.mask(kernel), self.threshold(kernel))
            for kernel in self.sparse_kernels
        ]

    def threshold(self, kernel: SparseKernel) -> np.ndarray:
        """Returns the largest magnitude that is masked, 0 where nothing is."""
        masked = np.abs(kernel.variable.numpy())[~self.present(kernel)]
        return masked.max(initial=0)


def wrapped(
    layer: keras.layers.Layer,
    pruning_schedule: SparsitySchedule | None = None,
    block_size: Sequence[int] = (1, 1),
    block_pooling_type: str = "AVG",
    sparsity_m_by_n: Sequence[int] | None = None,
    **kwargs: Any,
) -> PruneLowMagnitude:
    """Returns a layer wrapped as TF-MOT's arguments say; see `prune_low_magnitude`."""
    if not isinstance(layer, keras.layers.Layer):
        raise ValueError(
            "`to_prune` must be a layer of Keras 3, a list of layers, or a model (TF-MOT itself "
            "prunes those of tf_keras, Keras 2). "
            f"Received: {layer!r} (of type {type(layer).__name__})."
        )
    check_supported(layer)
    schedule = ConstantSparsity(0.5, 0) if pruning_schedule is None else pruning_schedule
    pattern = _pattern(block_size, block_pooling_type, sparsity_m_by_n)
    if isinstance(pattern, NOfM):
        schedule = PatternSchedule(schedule, 1 - pattern.n / pattern.m)
    return PruneLowMagnitude(layer, schedule, pattern=pattern, **kwargs)


def _pattern(block_size, block_pooling_type, sparsity_m_by_n) -> Pattern | None:
    poolings: dict[str, Pooling] = {"AVG": "mean", "MAX": "max"}
    pooling = poolings.get(block_pooling_type)
    if pooling is None:
        raise ValueError(
            f"`block_pooling_type` must be 'AVG' or 'MAX'. Received: {block_pooling_type!r}."
        )
    blocks = _pair("block_size", block_size)
    if sparsity_m_by_n is None:
        return None if blocks == (1, 1) else Block(blocks, pooling)
    zeros, group = _pair("sparsity_m_by_n", sparsity_m_by_n)
    if zeros >= group:
        raise ValueError(
            "`sparsity_m_by_n` must be the zeros of so many consecutive weights, fewer than those: "
            f"(2, 4) is two of four. Received: {sparsity_m_by_n!r}."
        )
    if blocks != (1, 1):
        raise ValueError(
            "`block_size` must be (1, 1) with `sparsity_m_by_n`: a layer has one pattern. "
            f"Received: block_size={block_size!r}, sparsity_m_by_n={sparsity_m_by_n!r}."
        )
    return NOfM(group - zeros, group)


def _pair(name, value):
    given = tuple(value) if isinstance(value, Sequence) else ()
    if len(given) != 2 or not all(is_integer(size) and size >= 1 for size in given):
        raise ValueError(f"`{name}` must be two integers of at least 1. Received: {value!r}.")
    return int(given[0]), int(given[1])
