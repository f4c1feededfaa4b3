"""The idx format that MNIST is published in: big-endian arrays, gzipped or not."""

import gzip
import math
import pathlib
import zlib

import numpy as np


def read_idx(path: pathlib.Path) -> np.ndarray:
    """Reads an idx file of unsigned bytes.

    Two zero bytes, the type (8: unsigned byte), the rank, the shape as big-endian int32, the data.

    Args:
        path: the file; gzipped if its name ends in `.gz`.

    Returns:
        A uint8 array.

    Raises:
        ValueError: if the file is damaged, or holds something else.

    Reference: LeCun, Cortes, Burges, "The MNIST database of handwritten digits", 1998.
    """
    path = pathlib.Path(path)
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
            content = file.read()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(_damaged(path, str(error))) from error
    if len(content) < 4 or content[:3] != b"\x00\x00\x08":
        raise ValueError(_damaged(path, "it does not begin as an idx file of unsigned bytes"))
    start = 4 + 4 * content[3]
    if len(content) < start:
        raise ValueError(_damaged(path, "it ends before its shape does"))
    shape = tuple(int(size) for size in np.frombuffer(content, ">i4", content[3], 4))
    if len(content) - start != math.prod(shape):
        found = f"{len(content) - start} bytes of data instead of {math.prod(shape)}"
        raise ValueError(_damaged(path, f"its shape is {shape}, and it has {found}"))
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _damaged(path, why):
    return f"`data_dir` holds {path.name}, which cannot be read: {why}. Fetch it anew. ({path})"
