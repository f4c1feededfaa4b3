"""MNIST's four files, small, as its publishers write them."""

import gzip

import numpy as np


def write_idx(folder, name, array):
    """Writes an array of unsigned bytes as an idx file, gzipped if its name says so."""
    content = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
    content += array.tobytes()
    (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)


def write_mnist(folder, train, test):
    """Writes the four files, two of them gzipped.

    Args:
        folder: where to.
        train: `(images, labels)`, uint8 of shapes (n, 28, 28) and (n,).
        test: the same.
    """
    write_idx(folder, "train-images-idx3-ubyte.gz", train[0])
    write_idx(folder, "train-labels-idx1-ubyte", train[1])
    write_idx(folder, "t10k-images-idx3-ubyte", test[0])
    write_idx(folder, "t10k-labels-idx1-ubyte.gz", test[1])


def random_mnist(train, test):
    """Returns training and test part, `(images, labels)` each: no two images are equal."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (train + test, 28, 28), dtype=np.uint8)
    labels = rng.integers(0, 10, train + test, dtype=np.uint8)
    return (images[:train], labels[:train]), (images[train:], labels[train:])
