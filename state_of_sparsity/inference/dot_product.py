"""`DotProduct`: what attention does to queries, keys and values that lie channel by channel."""

import math

import numpy as np

from state_of_sparsity import extras
from state_of_sparsity.inference import work
from state_of_sparsity.inference.exponential import exponentials
from state_of_sparsity.inference.grid import Maps
from state_of_sparsity.inference.pointers import floats
from state_of_sparsity.inference.row_of_product import WIDEST, row_of_product
from state_of_sparsity.inference.row_tile import LANES
from state_of_sparsity.inference.steps import Bound, Step

with extras.explained():
    import numba

_WIDTH = WIDEST * LANES  # queries at a time


class DotProduct(Step):
    """Writes `sum over s of softmax over s of (k[s] . q[t] / sqrt(size)) * v[s]` for each head.

    Args:
        query, key, value: maps of one row, whose channels are those of one head after the other.
        target: those it writes, as the query's.
        heads: how many.
        is_causal: whether no token sees a later one.
    """

    fills_gaps = False

    def __init__(self, query: Maps, key: Maps, value: Maps, target: Maps, heads, is_causal):
        assert all(maps.height == 1 for maps in (query, key, value, target))
        self.reads, self.writes = [query, key, value], [target]
        self.heads, self.is_causal = heads, is_causal

    def bind(self, memory):
        places = {}
        for side, maps in zip("xkvy", (*self.reads, *self.writes), strict=True):
            places |= memory.place(side, maps)
        tiles = -(-self.reads[0].width // _WIDTH)
        size = self.reads[0].channels // self.heads
        return Bound(
            work.work(
                *(work.DOT_PRODUCT, memory.images * self.heads * tiles),
                **places,
                **{"channels": size, "group_count": self.heads, "tile": tiles},
                **{"is_causal": self.is_causal, "scale": 1 / math.sqrt(size)},
            )
        )


@numba.njit
def dot_product(work, item):
    """Computes some queries of a head.

    Products are as of sparse matrices, whose rows have no zeros: keys times queries, then values
    times weights, the queries' positions one after the other in both.

    Args:
        work: `x`, `k`, `v` and `y` are the query's, key's, value's and output's maps; `channels` of
            a head; `group_count` heads; queries in `tile` parts.
        item: which image, head and part.
    """
    rest, part = divmod(item, work.tile)
    image, head = divmod(rest, work.group_count)
    size, keys, first = work.channels, work.k_width, part * _WIDTH
    count = min(_WIDTH, work.x_width - first)
    scores = np.empty((keys, _WIDTH), np.float32)
    _score(work, image, head, first, count, scores)
    scales = np.zeros(_WIDTH, np.float32)
    _soften(scores, count, work.is_causal, first, scales)
    y, mixed = floats(work.y), np.empty(_WIDTH, np.float32)
    offsets = np.arange(0, keys * _WIDTH, _WIDTH).astype(np.int32)
    vectors = -(-count // LANES)
    for channel in range(head * size, (head + 1) * size):
        values = channel * work.v_stride + work.v_lead + image * work.v_image
        row_of_product(
            *(vectors, mixed.ctypes.data, scores.ctypes.data, work.v + 4 * values),
            *(offsets.ctypes.data, 0, keys, np.float32(0), 0, 0),
            *(np.float32(-np.inf), np.float32(np.inf)),
        )
        to = channel * work.y_stride + work.y_lead + image * work.y_image + first
        for query in range(count):
            y[to + query] = mixed[query] * scales[query]


@numba.njit
def _score(work, image, head, first, count, scores):
    """Writes what each key makes of each query."""
    size, k = work.channels, floats(work.k)
    channel = head * size
    column = np.empty(size, np.float32)
    offsets = (np.arange(size) * work.x_stride).astype(np.int32)
    x = channel * work.x_stride + work.x_lead + image * work.x_image + first
    start = channel * work.k_stride + work.k_lead + image * work.k_image
    for key in range(len(scores)):
        for number in range(size):
            column[number] = k[start + number * work.k_stride + key] * work.scale
        row_of_product(
            *(-(-count // LANES), scores[key].ctypes.data, work.x + 4 * x, column.ctypes.data),
            *(offsets.ctypes.data, 0, size, np.float32(0), 0, 0),
            *(np.float32(-np.inf), np.float32(np.inf)),
        )


@numba.njit
def _soften(scores, count, is_causal, first, scales):
    """Makes scores their exponentials, and `scales` one over the sums of these."""
    greatest = np.full(_WIDTH, -np.inf, np.float32)
    for key in range(len(scores)):
        if is_causal:
            scores[key, : max(0, min(count, key - first))] = -np.inf
        for query in range(count):
            if scores[key, query] > greatest[query]:
                greatest[query] = scores[key, query]
    for key in range(len(scores)):
        for query in range(count):
            scores[key, query] -= greatest[query]
        exponentials(scores[key], count)
        for query in range(count):
            scales[query] += scores[key, query]
    for query in range(count):
        scales[query] = np.float32(1) / scales[query]
