"""Writes CIFAR-10's binary files from JPEG coefficients stored in two numpy archives.

    python studies/cifar10/decode_jpeg_coefficients.py --input=FOLDER --output=data/cifar10

FOLDER holds `cifar10_train.npz` and `cifar10_test.npz`: `coef` int8 (8, 8, 24, N), the quantized
coefficients of N images by vertical and horizontal frequency and block (16 of luma, 4 of each
chroma, which has half the resolution); `big_index`, `big_value`: those that do not fit into int8;
`quant` uint8 (2, 8, 8): the steps of luma and chroma; `labels` (N,).
"""

import argparse
import pathlib

import numpy as np

from state_of_sparsity import atomic_write

PART = 1000  # images decoded at a time


def read(path):
    """Returns the images, uint8 `(N, 32, 32, 3)`, and labels, uint8 `(N,)`, of an archive."""
    with np.load(path, allow_pickle=False) as archive:
        coefficients = archive["coef"].astype(np.int16)
        coefficients.reshape(-1)[archive["big_index"]] = archive["big_value"]
        steps, labels = archive["quant"].astype(np.float64), archive["labels"].astype(np.uint8)
    parts = range(0, len(labels), PART)
    images = [decode(coefficients[..., start : start + PART], steps) for start in parts]
    return np.concatenate(images), labels


def decode(coefficients, steps):
    """Returns the images of quantized coefficients (ITU-T T.81; JFIF's colours).

    Args:
        coefficients: integers `(8, 8, 24, n)`.
        steps: `(2, 8, 8)`, of luma and of chroma.
    """
    luma = _plane(coefficients[:, :, :16], steps[0], 4)
    blue, red = (
        _doubled(_plane(coefficients[:, :, first : first + 4], steps[1], 2) - 128)
        for first in (16, 20)
    )
    channels = luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue
    return np.clip(np.rint(np.stack(channels, axis=-1)), 0, 255).astype(np.uint8)


def _plane(coefficients, steps, blocks):
    """Returns levels `(n, 8 * blocks, 8 * blocks)` of a component of blocks by blocks."""
    place, frequency = np.arange(8)[:, None], np.arange(8)
    cosines = np.cos((2 * place + 1) * frequency * np.pi / 16) / 2
    cosines[:, 0] /= np.sqrt(2)
    dequantized = coefficients * steps[:, :, None, None]
    rows = np.tensordot(cosines, dequantized, (1, 0))  # (y, u, block, n)
    levels = np.tensordot(cosines, rows, (1, 1))  # (x, y, block, n)
    levels = np.clip(np.floor(levels + 128.5 + 1e-6), 0, 255)  # decoders round each component
    levels = levels.reshape(8, 8, blocks, blocks, -1)
    return levels.transpose(4, 2, 1, 3, 0).reshape(-1, 8 * blocks, 8 * blocks)


def _doubled(plane):
    """Returns `(n, 2h, 2w)`: between two samples, three quarters of the nearer one."""
    for axis in (1, 2):
        ends = [(1, 1) if a == axis else (0, 0) for a in range(3)]
        padded = np.pad(plane, ends, mode="edge")
        size = plane.shape[axis]
        before, after = (np.take(padded, range(k, k + size), axis) for k in (0, 2))
        pair = np.stack([(before + 3 * plane) / 4, (after + 3 * plane) / 4], axis + 1)
        shape = list(plane.shape)
        shape[axis] *= 2
        plane = pair.reshape(shape)
    return plane


def records(images, labels):
    """Returns the bytes of CIFAR-10's binary version: a label, then red, green and blue planes."""
    planes = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    return np.concatenate([labels[:, None], planes], axis=1).tobytes()


def main():
    """Reads the archives and writes six files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input", required=True, help="folder with the two archives")
    parser.add_argument("--output", required=True, help="folder for the binary files")
    arguments = parser.parse_args()
    source, output = pathlib.Path(arguments.input), pathlib.Path(arguments.output)
    output.mkdir(parents=True, exist_ok=True)
    images, labels = read(source / "cifar10_train.npz")
    fifth = len(labels) // 5
    files = {f"data_batch_{k + 1}.bin": slice(k * fifth, (k + 1) * fifth) for k in range(5)}
    for name, part in files.items():
        _write(output / name, images[part], labels[part])
    _write(output / "test_batch.bin", *read(source / "cifar10_test.npz"))


def _write(path, images, labels):
    with atomic_write.atomic_path(path) as temporary:
        pathlib.Path(temporary).write_bytes(records(images, labels))
    print(f"{path}: {len(labels)} images.")


if __name__ == "__main__":
    main()
