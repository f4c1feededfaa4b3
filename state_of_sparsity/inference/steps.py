"""The steps that a runner takes: products, copies between layouts, pools; of Keras: keras_calls.py.

A step is made once for a model, and says what it reads and writes: `Maps`, in buffers, and
`Value`s, in arrays. `bind` readies it for batches of one size, with all its buffers at hand.
"""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np

from state_of_sparsity.inference import work
from state_of_sparsity.inference.calls import Value
from state_of_sparsity.inference.grid import Maps
from state_of_sparsity.inference.layer_rows import NO_LIMITS
from state_of_sparsity.inference.memory import Memory
from state_of_sparsity.inference.row_of_product import WIDEST
from state_of_sparsity.inference.sparse_rows import SparseRows
from state_of_sparsity.inference.work import address

_ITEMS_A_THREAD = 4  # pieces of a product, so that threads end together


@dataclasses.dataclass
class Bound:
    """A step that is ready for batches of one size.

    Args:
        line: what compiled code does, a table of one line; None for nothing.
        prepare: is called with that line, or None, before the compiled code runs.
        call: what Python does instead of compiled code.
        arrays: what `line` has the addresses of.
    """

    line: np.ndarray | None = None
    prepare: Callable | None = None
    call: Callable | None = None
    arrays: tuple = ()


class Step:
    """One step.

    Attributes:
        fills_gaps: whether it writes the zeros between the maps that it writes.
    """

    fills_gaps = True
    reads: list[Maps | Value]
    writes: list[Maps | Value]

    def bind(self, memory: Memory) -> Bound:
        """Readies the step for computing in `memory`."""
        raise NotImplementedError


class ToChannels(Step):
    """Brings the array of a value, channels last, into maps."""

    def __init__(self, value: Value, maps: Maps):
        self.reads, self.writes = [value], [maps]

    def bind(self, memory):
        (source,), (maps,), values = self.reads, self.writes, memory.values
        line = _copy_line(work.TO_CHANNELS, "y", maps, memory)

        def prepare(line):
            array = np.ascontiguousarray(as_array(values[source]), np.float32)
            if array.size != memory.images * maps.height * maps.width * maps.channels:
                raise ValueError(
                    "Layers with sparse products must have the batch as the first axis of their "
                    f"inputs. Received: a batch of {memory.images}, and inputs of the shape "
                    f"{array.shape}. Keep the batch's axis, as in keras.layers.Reshape, rather "
                    "than keras.ops.reshape(x, (-1, size))."
                )
            values[self] = array  # which lives as long as its address is used
            line["x"] = address(array)

        return Bound(line, prepare)


class FromChannels(Step):
    """Brings maps into the array of a value, channels last."""

    def __init__(self, maps: Maps, value: Value):
        self.reads, self.writes = [maps], [value]
        self.shape = value.shape[1:]

    def bind(self, memory):
        (maps,), (target,), values = self.reads, self.writes, memory.values
        line = _copy_line(work.FROM_CHANNELS, "x", maps, memory)

        def prepare(line):
            values[target] = np.empty((memory.images, *self.shape), np.float32)
            line["y"] = address(values[target])

        return Bound(line, prepare)


def _copy_line(kind, side, maps, memory):
    """Returns the line of a copy between maps and an array; items are rows of some channels."""
    place, images = memory.place(side, maps), memory.images
    row, image = place[f"{side}_row"], place[f"{side}_image"]
    if image == maps.height * maps.width:  # no gaps: all positions are one row
        image = row = images * image
        place |= {f"{side}_row": row, f"{side}_image": image}
        place |= {f"{side}_height": 1, f"{side}_width": row}
        images = 1
    groups = -(-maps.channels // work.CHANNELS_COPIED)
    items = images * (image // row) * groups
    return work.work(kind, items, channels=maps.channels, group_count=groups, **place)


@dataclasses.dataclass(eq=False)
class Product(Step):
    """A sparse product with what follows it place by place: a sum with other maps, clipping.

    Args:
        rows: the sparse matrix.
        source: the maps it is multiplied with.
        target: those it writes.
        calls: the calls of the graph that it stands for.
    """

    rows: SparseRows
    source: Maps
    target: Maps
    calls: list

    def __post_init__(self):
        self.residual = None
        self.limits = NO_LIMITS
        self.reads, self.writes = [self.source], [self.target]
        self.source.grid.take_in(self.target.grid)
        shapes = [(maps.height, maps.width) for maps in (self.source, self.target)]
        beyond = self.rows.beyond(*shapes)
        self.source.grid.needs(beyond, self.rows.reached())
        if any(beyond):
            self.source.zeros_around = True

    def add(self, maps):
        """Adds other maps to the product's outputs."""
        self.residual = maps
        self.reads = [self.source, maps]
        self.source.grid.take_in(maps.grid)

    def bind(self, memory):
        rows, grid = self.rows, self.source.grid
        vectors = grid.vectors(memory.images)
        tile = min(WIDEST, vectors)
        tiles = -(-vectors // tile)
        groups = rows.groups(-(-_ITEMS_A_THREAD * memory.threads // tiles))
        offsets = rows.offsets(grid.channel_stride(memory.images), grid.row_pitch)
        mask = memory.mask(self.target) if self.target.zeros_around else None
        residual = None if self.residual is None else memory.buffer(self.residual)
        count, (least, greatest) = len(groups) - 1, self.limits
        line = work.work(
            *(work.SPARSE_PRODUCT, tiles * count),
            **memory.place("x", self.source),
            **memory.place("y", self.target),
            **{"values": address(rows.values), "offsets": address(offsets)},
            **{"starts": address(rows.starts), "biases": address(rows.biases)},
            **{"residual": address(residual), "mask": address(mask)},
            **{"groups": address(groups), "group_count": count, "vectors": vectors, "tile": tile},
            **{"least": least, "greatest": greatest},
        )
        return Bound(line, arrays=(rows, offsets, mask, residual, groups))


@dataclasses.dataclass(eq=False)
class SplitPhases(Step):
    """Writes strided rows and columns as maps of their own."""

    source: Maps
    target: Maps
    strides: tuple[int, int]
    phases: np.ndarray

    def __post_init__(self):
        self.reads, self.writes = [self.source], [self.target]

    def bind(self, memory):
        down, right = self.strides
        line = work.work(
            *(work.SPLIT_PHASES, self.target.channels),
            **memory.place("x", self.source),
            **memory.place("y", self.target),
            **{"images": memory.images, "down": down, "right": right},
            **{"phases": address(self.phases), "phase_count": len(self.phases)},
        )
        return Bound(line, arrays=(self.phases,))


@dataclasses.dataclass(eq=False)
class PoolMaxima(Step):
    """Max pooling; sizes, strides and `before`, the padding, are of rows and columns.

    Args:
        zeros: whether padding counts as zeros; else not at all.
    """

    source: Maps
    target: Maps
    size: tuple[int, int]
    strides: tuple[int, int]
    before: tuple[int, int]
    zeros: bool

    def __post_init__(self):
        self.reads, self.writes = [self.source], [self.target]

    def bind(self, memory):
        windows = {"": self.strides, "size_": self.size, "before_": self.before}
        fields = {f"{name}down": both[0] for name, both in windows.items()}
        fields |= {f"{name}right": both[1] for name, both in windows.items()}
        line = work.work(
            *(work.POOL_MAXIMA, self.source.channels),
            **memory.place("x", self.source),
            **memory.place("y", self.target),
            **{"images": memory.images, "zeros": self.zeros, **fields},
        )
        return Bound(line)


@dataclasses.dataclass(eq=False)
class Means(Step):
    """Global average pooling."""

    fills_gaps = False
    source: Maps
    target: Maps

    def __post_init__(self):
        self.reads, self.writes = [self.source], [self.target]

    def bind(self, memory):
        places = {**memory.place("x", self.source), **memory.place("y", self.target)}
        return Bound(work.work(work.MEANS, self.source.channels, images=memory.images, **places))


class Reshape(Step):
    """Takes an array as one of another shape, such as `Flatten` does."""

    def __init__(self, source, target):
        self.reads, self.writes = [source], [target]
        self.shape = target.shape[1:]

    def bind(self, memory):
        (source,), (target,), values = self.reads, self.writes, memory.values

        def prepare(line):
            array = np.ascontiguousarray(as_array(values[source]))  # of a copy nobody would know
            values[target] = array.reshape(memory.images, *self.shape)

        return Bound(prepare=prepare)


class ActivateArray(Step):
    """Calls any activation on an array."""

    def __init__(self, activation, source, target):
        self.activation = activation
        self.reads, self.writes = [source], [target]

    def bind(self, memory):
        (source,), (target,), values = self.reads, self.writes, memory.values

        def call():
            values[target] = self.activation(keras.ops.convert_to_tensor(values[source]))

        return Bound(call=call)


def as_array(value) -> np.ndarray:
    """Returns a tensor of the backend, or an array, as an array."""
    return value if isinstance(value, np.ndarray) else keras.ops.convert_to_numpy(value)
