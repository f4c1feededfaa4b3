"""`DrawnMask`: masks for which random numbers are drawn, the same wherever a model is trained."""

import zlib
from typing import Any, Self, Unpack

import keras
import numpy as np

from state_of_sparsity.arguments import check_integer
from state_of_sparsity.layers.scheduled_mask import MaskArguments, ScheduledMask
from state_of_sparsity.schedules.sparsity import SparsitySchedule
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel


class DrawnArguments(MaskArguments, total=False):
    """What techniques that draw numbers take beside their own arguments."""

    seed: int


class DrawnMask(ScheduledMask):
    """A scheduled mask with a seed.

    Numbers are drawn from the seed, the kernel's path in the model and the step: they are equal on
    every replica and after a resume, and differ between layers that share a seed.

    Args:
        layer: the Keras layer to prune.
        schedule: `schedule(step) -> (should_prune, sparsity)`.
        seed: an integer of at least 0.
        **kwargs: as for `ScheduledMask`.
    """

    def __init__(
        self,
        layer: keras.layers.Layer,
        schedule: SparsitySchedule,
        seed: int = 0,
        **kwargs: Unpack[MaskArguments],
    ) -> None:
        check_integer("seed", seed, 0)
        super().__init__(layer, schedule, **kwargs)
        self.seed = int(seed)

    def draw(self, kernel: SparseKernel, step: int | None = None) -> np.ndarray:
        """Returns a random number in [0, 1) for every weight, fresh ones at every `step`."""
        key = zlib.crc32(f"{self.path_in_model or self.name}/{kernel.name}".encode())
        seeds = [self.seed, key] if step is None else [self.seed, key, step]
        return np.random.default_rng(seeds).random(kernel.shape, np.float32)

    def get_config(self) -> dict[str, Any]:
        """Returns the configuration, with the path that numbers are drawn from, once known."""
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
