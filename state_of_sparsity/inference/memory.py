"""`Memory`: the buffers in which a runner computes for batches of one size."""

import numpy as np

from state_of_sparsity.inference.arena import places_in_arena
from state_of_sparsity.inference.grid import Maps
from state_of_sparsity.inference.rounding import round_up
from state_of_sparsity.inference.row_tile import LANES
from state_of_sparsity.inference.work import address

_CACHE_LINE = 64  # bytes


class Memory:
    """Buffers of maps, values of tensors, and how many images they are for.

    Buffers lie in one array, those that are not needed at once in the same place: before zeros
    around maps are counted on, they are to be written.

    Args:
        images: how many a batch has.
        threads: how many compute.
        spans: `{maps: (first, last)}`, the steps between which each is needed, both included.
    """

    def __init__(self, images: int, threads: int, spans: dict[Maps, tuple[int, int]]):
        self.images, self.threads = images, threads
        self.values = {}  # arrays, and tensors of the backend, by `Value`
        self._masks = {}
        self._counts = {each: each.channels * each.grid.channel_stride(images) for each in spans}
        # Each begins with a line of the cache.
        rooms = {each: round_up(count, _CACHE_LINE // 4) for each, count in self._counts.items()}
        self._starts, whole = places_in_arena(rooms, spans)
        self._arena = _zeros(whole + LANES)  # as a vector is read whole where it begins

    def buffer(self, maps: Maps) -> np.ndarray:
        """Returns the buffer of maps, all channels one after the other."""
        start = self._starts[maps]
        return self._arena[start : start + self._counts[maps]]

    def place(self, side: str, maps: Maps) -> dict[str, int]:
        """Returns the fields of `Work` that say where maps lie; `side` is "x", "y", "k" or "v"."""
        grid = maps.grid
        return {
            side: address(self.buffer(maps)),
            f"{side}_stride": grid.channel_stride(self.images),
            f"{side}_lead": grid.lead,
            f"{side}_row": grid.row_pitch,
            f"{side}_image": grid.map_pitch,
            f"{side}_height": maps.height,
            f"{side}_width": maps.width,
        }

    def mask(self, maps: Maps) -> np.ndarray:
        """Returns int32 that is -1 where positions belong to maps, 0 elsewhere."""
        grid, key = maps.grid, (maps.grid, maps.height, maps.width)
        if key not in self._masks:
            mask = np.zeros(grid.vectors(self.images) * LANES, np.int32)
            whole = mask[: self.images * grid.map_pitch]
            whole.reshape(self.images, -1, grid.row_pitch)[:, : maps.height, : maps.width] = -1
            self._masks[key] = mask
        return self._masks[key]

    @property
    def size(self) -> int:
        """Bytes of all buffers."""
        return self._arena.nbytes


def _zeros(count):
    """Returns zeros that begin with a line of the cache."""
    room = np.zeros(count + _CACHE_LINE // 4, np.float32)
    start = -room.ctypes.data % _CACHE_LINE // 4
    return room[start : start + count]
