"""`sparse_product`: a sparse matrix times what lies at all positions of a grid."""

from state_of_sparsity import extras
from state_of_sparsity.inference.pointers import floats, integers
from state_of_sparsity.inference.row_of_product import row_of_product
from state_of_sparsity.inference.row_tile import LANES

with extras.explained():
    import numba

_BYTES = 4 * LANES  # of a vector


@numba.njit
def sparse_product(work, item):
    """Writes `y[row] = clip(bias + residual + sparse @ x)` for some rows and positions.

    Args:
        work: a line of a table: `x` and `y` are of one grid; `values`, float32, the non-zeros, row
            by row; `offsets`, int32, from where a position lies in `x`'s first channel to what is
            multiplied; `starts`, int64, where each row begins in these, and the end; `biases`,
            float32, one a row; `residual`, laid out as `y`, or 0; `mask`, int32 for each position,
            0 where `y` must be 0 and -1 elsewhere, or 0; `groups`, int64, `group_count + 1` bounds
            of groups of rows of about equal work; `vectors` of positions in all, and in a `tile`,
            whose part of `x` stays in the cache; `least` and `greatest`.
        item: which group of rows at which tile of positions.
    """
    tile = item // work.group_count
    group = item - tile * work.group_count
    groups, starts, biases = integers(work.groups), integers(work.starts), floats(work.biases)
    first = tile * work.tile
    count = min(work.tile, work.vectors - first)
    at = work.x_lead * 4 + first * _BYTES
    x, values, offsets = work.x + at, work.values, work.offsets
    mask = work.mask + first * _BYTES if work.mask else 0
    least, greatest = work.least, work.greatest
    for row in range(groups[group], groups[group + 1]):
        begin, end, bias = starts[row], starts[row + 1], biases[row]
        here = row * work.y_stride * 4 + at
        y, residual = work.y + here, work.residual + here if work.residual else 0
        row_of_product(
            *(count, y, x, values, offsets, begin, end, bias, residual, mask, least, greatest)
        )
