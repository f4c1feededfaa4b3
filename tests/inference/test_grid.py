"""Where maps lie in memory, and that buffers are shared by maps that are not needed at once."""

import itertools

import numpy as np
import pytest

pytest.importorskip("numba", reason="the extra `inference` brings it")

from state_of_sparsity.inference.grid import Maps
from state_of_sparsity.inference.memory import Memory


def test_zeros_between_maps_are_those_of_both_neighbours():
    maps = Maps(2, 3, 4)
    maps.grid.needs((1, 1), (1, 1))
    assert (maps.grid.row_pitch, maps.grid.map_pitch) == (5, 20)
    assert maps.grid.lead == 16  # 6 are reached before the first position
    assert maps.grid.vectors(2) == 3
    assert maps.grid.channel_stride(2) == 16 + 48 + 16


def test_maps_that_are_computed_place_by_place_lie_alike():
    one, other, third = Maps(2, 3, 4), Maps(5, 2, 6), Maps(1, 1, 1)
    one.grid.needs((1, 0), (1, 0))
    third.grid.take_in(other.grid)
    one.grid.take_in(other.grid)
    assert one.grid is other.grid is third.grid
    assert (one.grid.row_pitch, one.grid.map_pitch) == (6, 24)


def test_a_mask_has_the_positions_of_maps():
    maps = Maps(1, 2, 2)
    maps.grid.needs((1, 1), (1, 1))
    mask = Memory(2, 1, {}).mask(maps)
    assert mask[:9].reshape(3, 3).tolist() == [[-1, -1, 0], [-1, -1, 0], [0, 0, 0]]
    assert mask[9:18].tolist() == mask[:9].tolist() and not mask[18:].any()


def test_buffers_that_are_needed_at_once_lie_apart():
    maps = [Maps(3, 4, 4), Maps(5, 1, 7), Maps(2, 9, 9), Maps(3, 4, 4)]
    memory = Memory(2, 1, dict(zip(maps, [(0, 1), (1, 2), (2, 3), (3, 3)], strict=True)))
    buffers = [memory.buffer(each) for each in maps]
    for each, buffer in zip(maps, buffers, strict=True):
        assert buffer.size == each.channels * each.grid.channel_stride(2)
        assert buffer.ctypes.data % 64 == 0
    together = {(0, 1), (1, 2), (2, 3)}
    for one in range(4):
        for other in range(one + 1, 4):
            shared = np.shares_memory(buffers[one], buffers[other])
            assert not (shared and (one, other) in together)
    sizes = [buffer.nbytes for buffer in buffers]
    whole = max(one + other for one, other in itertools.pairwise(sizes))
    assert memory.size == whole + 64  # a vector at the end is read whole
