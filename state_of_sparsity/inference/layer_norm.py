"""`LayerNorm`: layer normalization over the channels of maps."""

import numpy as np

from state_of_sparsity import extras
from state_of_sparsity.inference import work
from state_of_sparsity.inference.grid import Maps
from state_of_sparsity.inference.layer_rows import array
from state_of_sparsity.inference.pointers import floats, integers_32
from state_of_sparsity.inference.row_tile import LANES
from state_of_sparsity.inference.steps import Bound, Step
from state_of_sparsity.inference.work import address

with extras.explained():
    import numba

_WIDTH = 2 * LANES  # positions at a time, all of whose channels stay in the cache


class LayerNorm(Step):
    """Writes `gamma * (x - mean) / sqrt(variance + epsilon) + beta`, place by place.

    Args:
        layer: a `LayerNormalization` over the last axis.
        source: the maps that are normalized.
        target: those it writes.
    """

    def __init__(self, layer, source: Maps, target: Maps):
        self.reads, self.writes = [source], [target]
        source.grid.take_in(target.grid)
        ones, zeros = np.ones(source.channels), np.zeros(source.channels)
        self._gamma = np.float32(ones if layer.gamma is None else array(layer.gamma))
        self._beta = np.float32(zeros if layer.beta is None else array(layer.beta))
        self._epsilon = layer.epsilon

    def bind(self, memory):
        (source,), (target,) = self.reads, self.writes
        positions = source.grid.vectors(memory.images) * LANES
        mask = memory.mask(target) if target.zeros_around else None
        line = work.work(
            *(work.LAYER_NORM, -(-positions // _WIDTH)),
            **memory.place("x", source),
            **memory.place("y", target),
            **{"values": address(self._gamma), "biases": address(self._beta)},
            **{"mask": address(mask), "channels": source.channels, "vectors": positions // LANES},
            epsilon=self._epsilon,
        )
        return Bound(line, arrays=(self._gamma, self._beta, mask))


@numba.njit
def layer_norm(work, item):
    """Normalizes some positions over channels.

    Args:
        work: `values` and `biases` are gamma and beta, float32, one a channel; `mask`, int32 for
            each position, 0 where `y` must be 0 and -1 elsewhere, or 0; `vectors` of positions.
        item: which positions.
    """
    x, y = floats(work.x), floats(work.y)
    gamma, beta = floats(work.values), floats(work.biases)
    first = item * _WIDTH
    count = min(_WIDTH, work.vectors * LANES - first)
    source, target = work.x_lead + first, work.y_lead + first
    means, scales = np.zeros(_WIDTH, np.float32), np.zeros(_WIDTH, np.float32)
    for channel in range(work.channels):
        at = source + channel * work.x_stride
        for position in range(count):
            means[position] += x[at + position]
    for position in range(count):
        means[position] /= work.channels
    for channel in range(work.channels):
        at = source + channel * work.x_stride
        for position in range(count):
            away = x[at + position] - means[position]
            scales[position] += away * away
    for position in range(count):
        variance = scales[position] / work.channels
        scales[position] = np.float32(1.0) / np.sqrt(variance + work.epsilon)
    mask = integers_32(work.mask + 4 * first)
    for channel in range(work.channels):
        at, to = source + channel * work.x_stride, target + channel * work.y_stride
        for position in range(count):
            scaled = (x[at + position] - means[position]) * scales[position]
            y[to + position] = scaled * gamma[channel] + beta[channel]
        if work.mask:
            for position in range(count):
                if mask[position] == 0:
                    y[to + position] = 0.0
