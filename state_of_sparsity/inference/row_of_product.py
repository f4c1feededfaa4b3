"""`row_of_product`: a row of a sparse matrix times so many vectors of positions as there are."""

from state_of_sparsity import extras
from state_of_sparsity.inference.row_tile import row_tile

with extras.explained():
    import numba

WIDEST = 8  # vectors of a tile: as many sums as registers hold beside what they are made of
_tile_1, _tile_2, _tile_3, _tile_4 = map(row_tile, (1, 2, 3, 4))
_tile_5, _tile_6, _tile_7, _tile_8 = map(row_tile, (5, 6, 7, 8))


@numba.njit
def row_of_product(count, y, x, values, offsets, begin, end, bias, residual, mask, least, greatest):
    """Computes a row at `count` vectors, at most `WIDEST`; the rest is as of `row_tile`."""
    if count == 8:
        _tile_8(y, x, values, offsets, begin, end, bias, residual, mask, least, greatest)
    elif count == 7:
        _tile_7(y, x, values, offsets, begin, end, bias, residual, mask, least, greatest)
    elif count == 6:
        _tile_6(y, x, values, offsets, begin, end, bias, residual, mask, least, greatest)
    elif count == 5:
        _tile_5(y, x, values, offsets, begin, end, bias, residual, mask, least, greatest)
    elif count == 4:
        _tile_4(y, x, values, offsets, begin, end, bias, residual, mask, least, greatest)
    elif count == 3:
        _tile_3(y, x, values, offsets, begin, end, bias, residual, mask, least, greatest)
    elif count == 2:
        _tile_2(y, x, values, offsets, begin, end, bias, residual, mask, least, greatest)
    else:
        _tile_1(y, x, values, offsets, begin, end, bias, residual, mask, least, greatest)
