import re
import sys

import numpy as np
import pytest

from state_of_sparsity.data.images.mnist import Mnist
from tests.small_mnist import random_mnist, write_idx, write_mnist

TRAIN, TEST = 60, 20


@pytest.fixture
def arrays():
    """The training and the test part, images as the files hold them."""
    return random_mnist(TRAIN, TEST)


@pytest.fixture
def folder(tmp_path, arrays):
    """A folder with the four files, two of them gzipped."""
    write_mnist(tmp_path, *arrays)
    return tmp_path


def as_bytes(images):
    return np.rint(images[..., 0] * 255).astype("uint8")


def assert_same_pairs(images, labels, expected):
    """Asserts that each image has its label, in whatever order."""
    pairs = [[as_bytes(images), labels], expected]
    found, wanted = [
        sorted(zip(map(np.ndarray.tobytes, x), y.tolist(), strict=True)) for x, y in pairs
    ]
    assert found == wanted


def test_splits_are_disjoint_and_complete(folder, arrays):
    data = Mnist(folder, batch_size=45, validation_examples=15)
    parts = [next(data.train()), data.validation()[0]]
    assert [len(labels) for _, labels in parts] == [45, 15]
    assert_same_pairs(*map(np.concatenate, zip(*parts, strict=True)), arrays[0])
    images, labels = data.test()[0]
    np.testing.assert_array_equal(as_bytes(images), arrays[1][0])
    np.testing.assert_array_equal(labels, arrays[1][1])


def test_seed_changes_the_order_and_not_the_split(folder):
    def held_out(**seeds):
        return Mnist(str(folder), batch_size=45, validation_examples=15, **seeds).validation()[0][0]

    np.testing.assert_array_equal(held_out(), held_out(seed=1))
    assert not np.array_equal(held_out(), held_out(split_seed=1))
    images, other = [next(Mnist(folder, 45, 15, seed=seed).train())[0] for seed in (0, 1)]
    assert not np.array_equal(images, other)
    np.testing.assert_array_equal(np.sort(images, axis=0), np.sort(other, axis=0))


def test_images_and_labels_have_the_documented_form(folder):
    data = Mnist(folder, batch_size=32, validation_examples=10)
    for images, labels in (next(data.train()), data.validation()[0], data.test()[0]):
        assert images.shape[1:] == (28, 28, 1) and images.dtype == np.float32
        assert labels.shape == (len(images),) and labels.dtype == np.int32
        assert images.min() == 0.0 and images.max() == 1.0
        assert set(labels) <= set(range(10))


def test_with_nothing_held_out_all_are_trained_on(folder, arrays):
    data = Mnist(folder, batch_size=TRAIN, validation_examples=0)
    assert data.validation() is None
    assert_same_pairs(*next(data.train()), arrays[0])


def test_nothing_is_read_before_it_is_used(tmp_path):
    assert Mnist(tmp_path / "nowhere", batch_size=7).batch_size == 7


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"validation_examples": -1}, "`validation_examples` must be at least 0. Received: -1."),
        ({"validation_examples": 60}, "`validation_examples` must be from 0 to 59. Received: 60."),
        (
            {"validation_examples": 15, "batch_size": 46},
            "`batch_size` must be from 1 to 45. Received: 46.",
        ),
        (
            {"validation_examples": 15, "batch_size": 0},
            "`batch_size` must be at least 1. Received: 0.",
        ),
    ],
)
def test_arguments_out_of_range_are_refused(folder, arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Mnist(folder, **arguments).train()


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    stem = name.removesuffix(".gz")
    with pytest.raises(
        ValueError, match=rf"`data_dir` must hold all four .*no {stem} or {stem}.gz"
    ):
        Mnist(folder).train()


@pytest.mark.parametrize(
    ("images", "labels", "shapes"),
    [
        ((60, 28, 28), (59,), "(60, 28, 28) and (59,)"),
        ((60, 27, 28), (60,), "(60, 27, 28) and (60,)"),
        ((60,), (60,), "(60,) and (60,)"),  # labels in the place of images
    ],
)
def test_files_that_do_not_fit_together_are_refused(folder, images, labels, shapes):
    write_idx(folder, "train-images-idx3-ubyte.gz", np.zeros(images, "uint8"))
    write_idx(folder, "train-labels-idx1-ubyte", np.zeros(labels, "uint8"))
    with pytest.raises(ValueError, match=rf"`data_dir` must hold .*{re.escape(shapes)} in .*train"):
        Mnist(folder).train()


def test_a_damaged_file_is_named(folder):
    path = folder / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match=r"`data_dir` holds t10k-labels-idx1-ubyte.gz, which"):
        Mnist(folder).train()


def forbid_download(tfds, monkeypatch):
    """Fails at once where TFDS would download: without a network it tries for minutes."""

    def fail(*_):
        raise ConnectionError("no network")

    monkeypatch.setattr(tfds.image_classification.MNIST, "_split_generators", fail)


def test_records_of_tensorflow_datasets_are_read(tmp_path, arrays, monkeypatch):
    tfds = pytest.importorskip("tensorflow_datasets")
    splits = {
        split: [
            (key, {"image": image[..., None], "label": int(label)})
            for key, (image, label) in enumerate(zip(*part, strict=True))
        ]
        for split, part in zip(("train", "test"), arrays, strict=True)
    }
    tfds.dataset_builders.store_as_tfds_dataset(
        name="mnist",
        version=str(tfds.image_classification.MNIST.VERSION),
        features=tfds.features.FeaturesDict(
            {
                "image": tfds.features.Image(shape=(28, 28, 1)),
                "label": tfds.features.ClassLabel(num_classes=10),
            }
        ),
        split_datasets=splits,
        data_dir=tmp_path,
    )
    forbid_download(tfds, monkeypatch)
    data = Mnist(tmp_path, batch_size=TRAIN, validation_examples=0)
    assert_same_pairs(*next(data.train()), arrays[0])
    monkeypatch.setenv("HOME", str(tmp_path))
    images, labels = Mnist("~", batch_size=1, validation_examples=0).test()[0]
    assert_same_pairs(images, labels, arrays[1])
    assert images.dtype == np.float32 and labels.dtype == np.int32


def test_without_files_and_network_it_is_said_what_to_do(tmp_path, monkeypatch, capsys):
    tfds = pytest.importorskip("tensorflow_datasets")
    forbid_download(tfds, monkeypatch)
    with pytest.raises(ValueError, match=r"`data_dir` must be a folder with the four idx") as error:
        Mnist(tmp_path).train()
    assert "can download it to" in str(error.value)
    assert str(tmp_path) in str(error.value) and "no network" in str(error.value)
    said = capsys.readouterr().out  # before the network is tried, which takes minutes
    assert said.startswith(f"{tmp_path} has neither the four idx files")


def test_without_files_and_tensorflow_datasets_it_is_said_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)  # its import then fails
    with pytest.raises(ValueError, match=r"`data_dir` must be a folder with .* cannot be imported"):
        Mnist(tmp_path).train()
