"""`Memory`: the buffers in which a runner computes for batches of one size."""

import numpy as np

from state_of_sparsity.inference.grid import Maps
from state_of_sparsity.inference.row_tile import LANES
from state_of_sparsity.inference.work import address

_CACHE_LINE = 64  # bytes


class Memory:
    """Buffers of maps, values of tensors, and how many images they are for.

    Two maps may have one buffer, if they lie alike and the one is read for the last time before the
    other is written; what lies outside their positions stays zero.

    Args:
        images: how many a batch has.
        threads: how many compute.
    """

    def __init__(self, images: int, threads: int):
        self.images, self.threads = images, threads
        self.values = {}  # arrays, and tensors of the backend, by `Value`
        self._buffers, self._masks, self._free = {}, {}, {}

    def buffer(self, maps: Maps) -> np.ndarray:
        """Returns the buffer of maps, all channels one after the other."""
        if maps not in self._buffers:
            free = self._free.get(self._kind(maps))
            stride = maps.grid.channel_stride(self.images)
            self._buffers[maps] = free.pop() if free else _zeros(maps.channels * stride)
        return self._buffers[maps]

    def release(self, maps: Maps):
        """Lets maps that are made from now on have the buffer of maps that no step reads again."""
        self._free.setdefault(self._kind(maps), []).append(self._buffers[maps])

    def _kind(self, maps):
        return maps.channels, maps.zeros_around, maps.grid

    def place(self, side: str, maps: Maps) -> dict[str, int]:
        """Returns the fields of `Work` that say where maps lie; `side` is "x" or "y"."""
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
        return sum({id(buffer): buffer.nbytes for buffer in self._buffers.values()}.values())


def _zeros(count):
    """Returns zeros that begin with a line of the cache."""
    room = np.zeros(count + _CACHE_LINE // 4, np.float32)
    start = -room.ctypes.data % _CACHE_LINE // 4
    return room[start : start + count]
