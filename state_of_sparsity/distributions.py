"""How one overall sparsity is shared among the kernels of several layers."""

import functools
import uuid
from collections.abc import Sequence
from typing import Any, Self

import keras
import numpy as np

from state_of_sparsity.layers.magnitude_pruning import MagnitudePruning
from state_of_sparsity.masking.erdos_renyi_kernel import zeros_by_erdos_renyi_kernel
from state_of_sparsity.masking.global_threshold import zeros_by_global_threshold
from state_of_sparsity.masking.top_k import zero_count
from state_of_sparsity.schedules.sparsity import SparsitySchedule, check_schedule, check_sparsity
from state_of_sparsity.surgery.rules import Rule
from state_of_sparsity.surgery.structure import model_kernels
from state_of_sparsity.version import PACKAGE
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel


class _SharedSparsity:
    """Kernels of layers with an equal distribution share their zeros; `group` tells them apart."""

    def __init__(self, group: str) -> None:
        self.group = group

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.group == self.group

    def __hash__(self) -> int:
        return hash((type(self), self.group))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.group!r})"

    def get_config(self) -> dict[str, Any]:
        return {"group": self.group}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return cls(**config)


@keras.saving.register_keras_serializable(package=PACKAGE)
class GlobalThreshold(_SharedSparsity):
    """One threshold over the scores of all kernels of a group.

    With `sos.patterns.Block` over the mean scores of blocks. With `sos.patterns.PerOutput` it says
    how many zeros each kernel has, which its outputs then share equally.

    Args:
        group: a name; layers whose distributions have an equal name are pruned together.
    """

    by_scores = True

    def zeros(self, kernels: Sequence[SparseKernel], zeros: int) -> list[int]:
        """Returns how many of `zeros` fall to each `SparseKernel`.

        Raises:
            ValueError: if they are of several techniques, whose scores cannot be compared.
        """
        kinds = sorted({type(kernel.wrapper).__name__ for kernel in kernels})
        if len(kinds) > 1:
            raise ValueError(
                "`distribution` must be of layers of one technique where it compares scores. "
                f"Received: GlobalThreshold({self.group!r}) of {' and '.join(kinds)}. Give each "
                "technique a GlobalThreshold with a name of its own."
            )
        doubles = any(kernel.variable.dtype == "float64" for kernel in kernels)
        return zeros_by_global_threshold(
            [functools.partial(_scores, kernel) for kernel in kernels],
            zeros,
            np.float64 if doubles else np.float32,
        )


@keras.saving.register_keras_serializable(package=PACKAGE)
class ErdosRenyiKernel(_SharedSparsity):
    """Densities proportional to `sum(shape) / prod(shape)`, no kernel denser than dense.

    Args:
        group: a name; layers whose distributions have an equal name are pruned together.

    Reference: Evci et al., "Rigging the Lottery", 2020, section 3.
    """

    def zeros(self, kernels: Sequence[SparseKernel], zeros: int) -> list[int]:
        """Returns how many of `zeros` fall to each `SparseKernel`."""
        return zeros_by_erdos_renyi_kernel([kernel.shape for kernel in kernels], zeros)


def _scores(kernel):
    pattern = getattr(kernel.wrapper, "pattern", None)
    return kernel.scores() if pattern is None else pattern.pooled(kernel, kernel.scores())


def global_magnitude(schedule: SparsitySchedule) -> Rule:
    """Returns a rule for `sos.sparsify`: magnitude pruning with one threshold over all layers.

    The `round(sparsity * total size)` weights of smallest magnitude of all the layers it is
    applied to are masked. Two calls make two groups.

    Args:
        schedule: `schedule(step) -> (should_prune, sparsity)`, of the overall sparsity.

    Returns:
        A callable `layer -> wrapper`.

    Example:

    >>> sparse = sos.sparsify(model, sos.distributions.global_magnitude(schedule))
    """
    return _magnitude(schedule, GlobalThreshold(_new_group()))


def erdos_renyi_kernel_magnitude(schedule: SparsitySchedule) -> Rule:
    """Returns a rule for `sos.sparsify`: magnitude pruning, Erdos-Renyi-Kernel sparsities.

    At every update the kernels of the layers it is applied to have
    `round(sparsity * total size)` zeros in all, shared as `erdos_renyi_kernel` says.

    Args:
        schedule: `schedule(step) -> (should_prune, sparsity)`, of the overall sparsity.

    Returns:
        A callable `layer -> wrapper`.

    Example:

    >>> sparse = sos.sparsify(model, sos.distributions.erdos_renyi_kernel_magnitude(schedule))
    """
    return _magnitude(schedule, ErdosRenyiKernel(_new_group()))


def _new_group():
    # Random, lest the groups of a model that was loaded and of a new one be taken for one.
    return uuid.uuid4().hex


def _magnitude(schedule, distribution):
    check_schedule(schedule)
    return lambda layer: MagnitudePruning(layer, schedule, distribution=distribution)


def erdos_renyi_kernel(model: keras.Model, sparsity: float) -> dict[str, float]:
    """Returns the sparsity of each kernel under the Erdos-Renyi-Kernel distribution.

    The density of a kernel is proportional to `sum(shape) / prod(shape)`, at most 1.

    Args:
        model: a built Keras model, sparse or not.
        sparsity: fraction of zeros over all its kernels, in [0, 1).

    Returns:
        `{kernel path: sparsity}`, whole numbers of zeros that add up to
        `round(sparsity * total size)`.

    Raises:
        ValueError: if `sparsity` is outside [0, 1) or the model has no kernel.

    Example:

    >>> per_kernel = sos.distributions.erdos_renyi_kernel(model, 0.9)

    Reference: Evci et al., "Rigging the Lottery", 2020, section 3.
    """
    check_sparsity("sparsity", sparsity)
    kernels = model_kernels(model)
    if not kernels:
        raise ValueError(
            f"`model` must have kernels. Received: '{model.name}', which has none; "
            "build it if it is not built."
        )
    shapes = [kernel.shape for kernel in kernels]
    sizes = [int(np.prod(shape)) for shape in shapes]
    counts = zeros_by_erdos_renyi_kernel(shapes, zero_count(sparsity, sum(sizes)))
    return {kernel.path: n / size for kernel, n, size in zip(kernels, counts, sizes, strict=True)}
