"""CIFAR-10's six binary files, small, as its publisher writes them."""

import numpy as np


def write_cifar10(folder, train, test):
    """Writes the files, a fifth of the training part in each of five.

    Args:
        folder: where to.
        train: `(images, labels)`, uint8 of shapes (n, 32, 32, 3) and (n,).
        test: the same.
    """
    parts = zip(*(np.array_split(array, 5) for array in train), strict=True)
    files = [*((f"data_batch_{k + 1}.bin", part) for k, part in enumerate(parts))]
    for name, (images, labels) in [*files, ("test_batch.bin", test)]:
        content = b"".join(
            bytes([label]) + image.transpose(2, 0, 1).tobytes()
            for image, label in zip(images, labels, strict=True)
        )
        (folder / name).write_bytes(content)


def random_cifar10(train, test):
    """Returns training and test part, `(images, labels)` each: no two images are equal."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (train + test, 32, 32, 3), dtype=np.uint8)
    labels = rng.integers(0, 10, train + test, dtype=np.uint8)
    return (images[:train], labels[:train]), (images[train:], labels[train:])
