"""JPEG coefficients become the images they were made from."""

import pathlib

import numpy as np
import pytest

from state_of_sparsity.data.images.cifar10 import Cifar10
from tests.script_folder import imported_as_a_script

FOLDER = pathlib.Path(__file__).parents[2] / "studies" / "cifar10"


@pytest.fixture
def script(monkeypatch):
    with imported_as_a_script(monkeypatch, FOLDER):
        import decode_jpeg_coefficients

        yield decode_jpeg_coefficients


def slow_coefficients(levels):
    """Returns the discrete cosine transform of 8x8 levels by its definition (T.81, A.3.3)."""
    scale = [np.sqrt(0.5), *[1.0] * 7]
    angle = [[np.cos((2 * x + 1) * u * np.pi / 16) for x in range(8)] for u in range(8)]
    result = np.zeros((8, 8))
    for v in range(8):
        for u in range(8):
            waves = np.outer(angle[v], angle[u])
            result[v, u] = scale[u] * scale[v] / 4 * ((levels - 128) * waves).sum()
    return result


def slow_archive(images, steps):
    """Returns coefficients `(8, 8, 24, n)` of smooth RGB images, chroma averaged over 2x2."""
    red, green, blue = np.moveaxis(images.astype(float), -1, 0)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    chroma = [128 + (blue - luma) / 1.772, 128 + (red - luma) / 1.402]
    small = [c.reshape(-1, 16, 2, 16, 2).mean((2, 4)) for c in chroma]
    blocks = []
    for plane, number, step in ((luma, 4, 0), (small[0], 2, 1), (small[1], 2, 1)):
        for row in range(number):
            for column in range(number):
                part = plane[:, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
                found = [np.rint(slow_coefficients(levels) / steps[step]) for levels in part]
                blocks.append(np.stack(found, -1))
    return np.stack(blocks, 2).astype("int16")


def smooth_images():
    """Five images of 32x32 whose colours change slowly, each in a way of its own."""
    y, x = np.mgrid[:32, :32] / 31
    images = []
    for k in range(5):
        planes = [100 + 20 * k + 40 * x * (-1) ** k, 90 + 60 * y, 200 - 50 * x * y - 15 * k]
        images.append(np.stack(planes, -1))
    return np.rint(images).astype("uint8")


def test_images_come_back(script):
    steps = np.ones((2, 8, 8))
    steps[:, 4:, 4:] = 3.0
    images = smooth_images()
    decoded = script.decode(slow_archive(images, steps), steps)
    assert np.abs(decoded.astype(int) - images).max() <= 5  # rounding, and chroma at half size
    assert np.abs(decoded.astype(int) - images).mean() < 1


def test_archives_become_the_binary_files(script, tmp_path, monkeypatch):
    steps = np.ones((2, 8, 8), "uint8")
    images = smooth_images()
    coefficients = slow_archive(images, steps)
    small = np.abs(coefficients) <= 127
    archive = {
        "coef": np.where(small, coefficients, 0).astype("int8"),
        "big_index": np.flatnonzero(~small),
        "big_value": coefficients[~small],
        "quant": steps,
        "labels": np.arange(5, dtype="uint8"),
    }
    assert len(archive["big_index"])
    for part in ("train", "test"):
        np.savez(tmp_path / f"cifar10_{part}.npz", **archive)
    output = tmp_path / "binary"
    monkeypatch.setattr("sys.argv", ["decode", f"--input={tmp_path}", f"--output={output}"])
    script.main()
    data = Cifar10(output, batch_size=5, validation_examples=0)
    expected = script.decode(coefficients, steps)
    np.testing.assert_array_equal(data.test()[0][1], np.arange(5))
    mean, deviation = np.array([125.3, 123.0, 113.9]), np.array([63.0, 62.1, 66.7])
    np.testing.assert_allclose(data.test()[0][0] * deviation + mean, expected, atol=1e-3)
    assert sorted(next(data.train())[1]) == list(range(5))
