"""`Work`: one step for compiled code, a line of a table that says all there is to know of it.

Arrays are known by their addresses, so that steps over different arrays are lines of one table, and
a whole model is one call of compiled code.
"""

import numpy as np

# Kinds of steps: products, copies, and what is written place by place.
SPARSE_PRODUCT, TO_CHANNELS, FROM_CHANNELS, SPLIT_PHASES, CLEAR_AROUND = range(5)
POOL_MAXIMA, MEANS, ACTIVATION, LAYER_NORM, DOT_PRODUCT = range(5, 10)

CHANNELS_COPIED = 16  # at a time, which are in one line of the cache where they come last

# Where maps lie: address; how far apart channels are; where positions begin in a channel; how far
# apart rows and the maps of images are; and how many rows and columns a map has.
_MAPS = ("", "_stride", "_lead", "_row", "_image", "_height", "_width")
_INTEGERS = (
    *("kind", "items", "images", "channels"),
    *(f"{maps}{field}" for maps in ("x", "y", "k", "v") for field in _MAPS),
    # Of products, all but numbers addresses: see `sparse_product.py`.
    *("values", "offsets", "starts", "biases", "residual", "mask"),
    *("groups", "group_count", "vectors", "tile"),
    # Of windows, in rows and in columns: see `map_copies.py`.
    *("down", "right", "size_down", "size_right", "before_down", "before_right"),
    *("zeros", "phases", "phase_count"),
    *("is_causal", "activation"),
    *("kept_from", "kept_to"),  # of a channel, by what clears the rest
)
_NUMBERS = ("least", "greatest", "epsilon", "scale")
WORK = np.dtype(
    [(name, np.int64) for name in _INTEGERS] + [(name, np.float32) for name in _NUMBERS],
    align=True,
)


def work(kind: int, items: int, **fields) -> np.ndarray:
    """Returns a table of one line.

    Args:
        kind: of the step, one of the constants above.
        items: into how many parts it is divided, for threads to take.
        **fields: what else the kind needs; the rest is zero.
    """
    line = np.zeros(1, WORK)
    for name, value in {"kind": kind, "items": items, **fields}.items():
        line[name] = value
    return line


def address(array: np.ndarray | None) -> int:
    """Returns where an array's numbers lie, 0 for none; somebody else must keep the array alive."""
    return 0 if array is None else array.ctypes.data
