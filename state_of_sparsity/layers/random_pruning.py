"""`RandomPruning`: drop weights at random, the baseline for every other technique."""

import zlib
from collections.abc import Sequence
from typing import Any, Self, Unpack

import keras
import numpy as np

from state_of_sparsity.arguments import check_integer
from state_of_sparsity.layers.scheduled_mask import Distribution, ScheduledMask
from state_of_sparsity.schedules.sparsity import SparsitySchedule
from state_of_sparsity.version import PACKAGE
from state_of_sparsity.wrapping.base import WrapperArguments
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel


@keras.saving.register_keras_serializable(package=PACKAGE)
class RandomPruning(ScheduledMask):
    """Prunes weights chosen at random, as many as the schedule says.

    Every weight has one fixed random score, drawn from the seed and the kernel's path in the
    model. Masks are therefore nested as sparsity grows, equal on every replica, and differ between
    layers that share a seed.

    Args:
        layer: the Keras layer to prune, built or not. Name it where masks have to be the same in
            another program: Keras numbers unnamed layers in the order of their creation.
        schedule: `schedule(step) -> (should_prune, sparsity)`; `step` in optimizer steps
            completed, `sparsity` in [0, 1).
        seed: an integer of at least 0.
        distribution: how zeros are shared among layers; by default every kernel has the same
            sparsity.
        kernels: names of the kernels to prune; every kernel if `None`.
        **kwargs: `name` and `trainable`, as for a Keras layer.

    Raises:
        ValueError: if `layer` is sparse already, `schedule` is not callable, or `seed` is no
            integer of at least 0.

    Example:

    >>> schedule = sos.schedules.ConstantSparsity(0.5, begin_step=0)
    >>> layer = sos.RandomPruning(keras.layers.Dense(10), schedule, seed=1)

    Reference: Gale et al., "The State of Sparsity in Deep Neural Networks", 2019, section 3.
    """

    def __init__(
        self,
        layer: keras.layers.Layer,
        schedule: SparsitySchedule,
        seed: int = 0,
        *,
        distribution: Distribution | None = None,
        kernels: Sequence[str] | None = None,
        **kwargs: Unpack[WrapperArguments],
    ) -> None:
        check_integer("seed", seed, 0)
        super().__init__(layer, schedule, distribution=distribution, kernels=kernels, **kwargs)
        self.seed = int(seed)
        self.build_if_possible()

    def scores(self, kernel: SparseKernel, values: np.ndarray) -> np.ndarray:
        """Returns the fixed random scores, in [0, 1)."""
        key = zlib.crc32(f"{self.path_in_model or self.name}/{kernel.name}".encode())
        return np.random.default_rng([self.seed, key]).random(values.shape, np.float32)

    def get_config(self) -> dict[str, Any]:
        """Returns the configuration, with the path that the scores are drawn from, once known."""
        config = {**super().get_config(), "seed": self.seed}
        return config if self.path_in_model is None else {**config, "path": self.path_in_model}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Self:
        """Creates the wrapper from its configuration: its masks stay wherever it is put."""
        config = dict(config)
        path = config.pop("path", None)
        wrapper = super().from_config(config, custom_objects)
        wrapper.path_in_model = path
        return wrapper
