"""`Grid`: where the positions of feature maps lie in memory; `Maps`: what a step reads or writes.

The maps of a channel lie one after the other, and so do the rows of a map, with zeros between them
that are the padding of both neighbours: a convolution reads all its positions in one line, each
shifted by the same number, at borders too.

    channel: lead | row 0, gap | row 1, gap | ... | gap rows | next image ... | lead
"""

import dataclasses

from state_of_sparsity.inference.rounding import round_up
from state_of_sparsity.inference.row_tile import LANES

# Channels that lie a multiple of this apart share few places in a processor's cache.
_CROWDED = 256


class Grid:
    """The positions that maps share which are computed from each other place by place."""

    def __init__(self):
        self.members = []
        self.rows_between = self.columns_between = 0
        self.rows_reached = self.columns_reached = 0

    def needs(self, between: tuple[int, int], reached: tuple[int, int]):
        """Asks for room: zeros between maps, and how far shifts go; each `(rows, columns)`."""
        self.rows_between = max(self.rows_between, between[0])
        self.columns_between = max(self.columns_between, between[1])
        self.rows_reached = max(self.rows_reached, reached[0])
        self.columns_reached = max(self.columns_reached, reached[1])

    def take_in(self, other):
        """Makes the maps of another grid lie as those of this one."""
        if other is self:
            return
        between = other.rows_between, other.columns_between
        self.needs(between, (other.rows_reached, other.columns_reached))
        for maps in other.members:
            maps.grid = self
        self.members += other.members

    @property
    def row_pitch(self) -> int:
        """How far apart rows lie."""
        return max(maps.width for maps in self.members) + self.columns_between

    @property
    def map_pitch(self) -> int:
        """How far apart the maps of two images lie."""
        rows = max(maps.height for maps in self.members) + self.rows_between
        return rows * self.row_pitch

    @property
    def lead(self) -> int:
        """How much room there is before the first map, and after the last."""
        reach = self.rows_reached * self.row_pitch + self.columns_reached
        return round_up(reach, LANES)

    def vectors(self, images: int) -> int:
        """Returns how many vectors hold all positions."""
        return round_up(images * self.map_pitch, LANES) // LANES

    def channel_stride(self, images: int) -> int:
        """Returns how far apart channels lie."""
        stride = 2 * self.lead + self.vectors(images) * LANES
        return stride + LANES if stride % _CROWDED == 0 else stride


@dataclasses.dataclass(eq=False)
class Maps:
    """Feature maps, channel by channel; vectors are maps of one row, `(1, how many)`.

    Args:
        channels: how many.
        height: rows of a map.
        width: columns.
        zeros_around: whether a step counts on zeros in the gaps.
    """

    channels: int
    height: int
    width: int
    zeros_around: bool = False

    def __post_init__(self):
        self.grid = Grid()
        self.grid.members.append(self)
