import gzip
import re

import numpy as np
import pytest

from state_of_sparsity.data.images.idx import read_idx


def idx(array, kind=8, rank=None):
    """Returns an array as the bytes of an idx file."""
    header = bytes([0, 0, kind, array.ndim if rank is None else rank])
    return header + np.array(array.shape, ">i4").tobytes() + array.tobytes()


IMAGES = np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8)
WHOLE = idx(IMAGES)  # a header of 16 bytes, then 60 bytes of data


@pytest.mark.parametrize("name", ["images", "images.gz"])
@pytest.mark.parametrize("array", [IMAGES, IMAGES[:, 0, 0], IMAGES[:0]], ids=["3", "1", "empty"])
def test_arrays_come_back(tmp_path, array, name):
    path = tmp_path / name
    path.write_bytes(gzip.compress(idx(array)) if path.suffix else idx(array))
    for found in (read_idx(path), read_idx(str(path))):
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, array)


DAMAGED = {
    "empty": ("images", b"", "does not begin as an idx file"),
    "magic": ("images", b"\x89PNG" + WHOLE[4:], "does not begin as an idx file"),
    "floats": ("images", idx(IMAGES, kind=13), "does not begin as an idx file of unsigned bytes"),
    "short header": ("images", WHOLE[:15], "ends before its shape does"),
    "only a magic number": ("images", WHOLE[:4], "ends before its shape does"),
    "short data": ("images", WHOLE[:-1], "shape is (5, 4, 3), and it has 59 bytes of data"),
    "long data": ("images", WHOLE + b"\x00", "61 bytes of data instead of 60"),
    "wrong rank": ("images", idx(IMAGES, rank=2), "shape is (5, 4), and it has 64 bytes of data"),
    "truncated gzip": ("images.gz", gzip.compress(WHOLE)[:-20], "ended before"),
    "truncated gzip header": ("images.gz", gzip.compress(WHOLE)[:5], "ended before"),
    "not gzipped": ("images.gz", WHOLE, "Not a gzipped file"),
    "damaged gzip": ("images.gz", gzip.compress(WHOLE)[:10] + b"\xff" * 50, "invalid block type"),
    "wrong checksum": ("images.gz", gzip.compress(WHOLE)[:-8] + b"\x00" * 8, "CRC check failed"),
    "damaged within gzip": ("images.gz", gzip.compress(WHOLE[:-1]), "59 bytes of data"),
}


@pytest.mark.parametrize(("name", "content", "why"), DAMAGED.values(), ids=DAMAGED)
def test_damaged_files_are_refused_by_name(tmp_path, name, content, why):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(why)) as error:
        read_idx(path)
    assert str(error.value).startswith(f"`data_dir` holds {name}, which cannot be read: ")
    assert str(path) in str(error.value)
