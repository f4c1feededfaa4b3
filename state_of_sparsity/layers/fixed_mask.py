"""`FixedMask`: train with a mask that never changes (scratch and lottery-ticket runs)."""

import base64
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Self, Unpack

import keras
import numpy as np
import numpy.typing as npt

from state_of_sparsity.layers.masked import MaskedWrapper
from state_of_sparsity.layers.pattern_argument import (
    check_is_pattern,
    pattern_config,
    pattern_in,
)
from state_of_sparsity.patterns.pattern import Pattern
from state_of_sparsity.version import PACKAGE
from state_of_sparsity.wrapping.base import WrapperArguments
from state_of_sparsity.wrapping.keras_saving import is_writing_a_file

_IN_WEIGHTS = object()  # for a `mask` that is loaded with the weights


@keras.saving.register_keras_serializable(package=PACKAGE)
class FixedMask(MaskedWrapper):
    """Runs the wrapped layer with a mask given once; needs no `UpdateSparsity`.

    The mask of a layer that is built is one of its weights, saved and loaded with them.

    Args:
        layer: the Keras layer, built or not.
        mask: what stays: an array of the kernel's shape, true or non-zero where a weight stays;
            for a layer with several kernels a dict from each kernel's name, or any end of its
            path that is unique (`"query/kernel"`), to its array.
        kernels: names of the kernels the mask is for; every kernel if `None`.
        pattern: the pattern that the masks were made by, for reports to name (`sos.patterns`).
        **kwargs: `name` and `trainable`, as for a Keras layer.

    Raises:
        ValueError: if a mask holds NaN; if one has another shape than its kernel, or there is not
            one mask for each kernel, which is raised when the layer is built, or at once if it is.

    Example:

    >>> layer = sos.FixedMask(keras.layers.Dense(2), mask=np.eye(2))

    Reference: Gale et al., 2019, section 7; Frankle and Carbin, "The Lottery Ticket Hypothesis".
    """

    def __init__(
        self,
        layer: keras.layers.Layer,
        mask: npt.ArrayLike | Mapping[str, npt.ArrayLike],
        *,
        kernels: Sequence[str] | None = None,
        pattern: Pattern | None = None,
        **kwargs: Unpack[WrapperArguments],
    ) -> None:
        check_is_pattern(pattern)
        super().__init__(layer, kernels=kernels, **kwargs)
        self.pattern = pattern
        given = mask if isinstance(mask, dict) else {"": mask}
        # Until there are variables for them.
        self.given_masks = (
            None if mask is _IN_WEIGHTS else {k: self._truth(k, v) for k, v in given.items()}
        )
        self.build_if_possible()

    def build(self, *args: Any, **kwargs: Any) -> None:
        """Builds the layer, then sets the masks."""
        super().build(*args, **kwargs)
        if self.given_masks is not None:
            self._set_masks()
            if self.sparse_kernels:
                self.given_masks = None

    def _truth(self, key, given):
        array = np.asarray(given)
        if np.issubdtype(array.dtype, np.inexact) and np.isnan(array).any():
            raise ValueError(
                f"`mask` must be true, or a number but NaN, where a weight of the layer "
                f"'{self.name}' stays. Received: one with NaN{f', {key!r}' if key else ''}."
            )
        return array != 0

    def _set_masks(self):
        unused = set(self.given_masks)
        for kernel in self.sparse_kernels:
            key = self._key(kernel)
            unused.discard(key)
            given = self.given_masks[key]
            if given.shape != kernel.shape:
                raise ValueError(
                    f"`mask` must have the shape of the kernel '{kernel.name}' of the layer "
                    f"'{self.name}', {kernel.shape}. "
                    f"Received: an array of shape {given.shape}."
                )
            self.mask(kernel).assign(given)
        if unused and (self.sparse_kernels or "" not in unused):
            raise ValueError(
                f"`mask` must name kernels of the layer '{self.name}', which are {self._names()}. "
                f"Received: {sorted(unused)}."
            )

    def _key(self, kernel):
        if len(self.sparse_kernels) == 1 and "" in self.given_masks:
            return ""
        if kernel.name in self.given_masks:
            return kernel.name
        others = {"", *self._names()}
        keys = [k for k in self.given_masks if f"/{kernel.name}".endswith(f"/{k}")]
        keys = [k for k in keys if k not in others]
        if len(keys) != 1:
            raise ValueError(
                "`mask` must be a dict with one mask for each kernel of the layer "
                f"'{self.name}', which are {self._names()}. Received: "
                f"{sorted(self.given_masks)}, of which {len(keys)} fit '{kernel.name}'."
            )
        return keys[0]

    def _names(self):
        return [kernel.name for kernel in self.sparse_kernels]

    def get_config(self) -> dict[str, Any]:
        """Returns the configuration, the masks as text; but for a file that has them as weights."""
        masks = self.given_masks
        if masks is None:
            masks = {} if is_writing_a_file() else {k.name: k.mask() for k in self.sparse_kernels}
        packed = {"mask": {name: _pack(mask) for name, mask in masks.items()}} if masks else {}
        return {**super().get_config(), **pattern_config(self.pattern), **packed}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Self:
        """Creates the wrapper from its configuration; a file's has its masks in its weights."""
        packed = config.get("mask")
        mask = _IN_WEIGHTS if packed is None else {k: _unpack(v) for k, v in packed.items()}
        given = {"mask": mask, **pattern_in(config)}
        return super().from_config({**config, **given}, custom_objects)


def _pack(mask: np.ndarray) -> dict:
    bits = zlib.compress(np.packbits(mask).tobytes())
    return {"shape": list(mask.shape), "bits": base64.b64encode(bits).decode("ascii")}


def _unpack(packed: dict) -> np.ndarray:
    shape = tuple(packed["shape"])
    bits = np.frombuffer(zlib.decompress(base64.b64decode(packed["bits"])), np.uint8)
    return np.unpackbits(bits, count=int(np.prod(shape))).astype(bool).reshape(shape)
