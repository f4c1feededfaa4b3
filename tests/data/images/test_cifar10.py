import re

import numpy as np
import pytest

from state_of_sparsity.data.images.cifar10 import DEVIATION, MEAN, Cifar10, shift_and_mirror
from tests.small_cifar10 import random_cifar10, write_cifar10

TRAIN, TEST = 50, 20


@pytest.fixture
def arrays():
    """The training and the test part, images as the files hold them."""
    return random_cifar10(TRAIN, TEST)


@pytest.fixture
def folder(tmp_path, arrays):
    """A folder with the six files."""
    write_cifar10(tmp_path, *arrays)
    return tmp_path


def as_bytes(images):
    return np.rint(images * DEVIATION + MEAN).astype("uint8")


def test_test_images_are_those_of_the_file_standardized(folder, arrays):
    images, labels = Cifar10(folder, batch_size=10, validation_examples=10).test()[0]
    np.testing.assert_array_equal(as_bytes(images), arrays[1][0])
    np.testing.assert_array_equal(labels, arrays[1][1])
    assert images.dtype == np.float32 and labels.dtype == np.int32
    slow = (arrays[1][0][3, 5, 7, 2] - MEAN[2]) / DEVIATION[2]
    assert images[3, 5, 7, 2] == pytest.approx(slow, rel=1e-5)


def test_held_out_images_are_not_augmented_and_not_trained_on(folder, arrays):
    data = Cifar10(folder, batch_size=40, validation_examples=10)
    images, labels = data.validation()[0]
    known = {image.tobytes(): label for image, label in zip(*arrays[0], strict=True)}
    assert [known[image.tobytes()] for image in as_bytes(images)] == labels.tolist()
    trained_on = next(data.train())[1]
    assert sorted([*trained_on, *labels]) == sorted(arrays[0][1])
    np.testing.assert_array_equal(Cifar10(folder, 40, 10, seed=1).validation()[0][0], images)
    assert Cifar10(folder, batch_size=40, validation_examples=0).validation() is None


def test_every_training_image_is_a_shift_of_one_of_the_file(folder, arrays):
    def shifts(image):
        padded = np.zeros((40, 40, 3), "float32")
        padded[4:36, 4:36] = (image - np.float32(MEAN)) / np.float32(DEVIATION)
        for top in range(9):
            for left in range(9):
                window = padded[top : top + 32, left : left + 32]
                yield window.tobytes(), (top, left, False)
                yield window[:, ::-1].tobytes(), (top, left, True)

    known = {}
    for image, label in zip(*arrays[0], strict=True):
        known |= {key: (label, *how) for key, how in shifts(image)}
    images, labels = next(Cifar10(folder, batch_size=TRAIN, validation_examples=0).train())
    found = [known[image.tobytes()] for image in images]
    assert [label for label, *_ in found] == labels.tolist()
    ways = {tuple(how) for _, *how in found}
    assert len(ways) > 30 and {mirrored for *_, mirrored in ways} == {False, True}


def test_shifts_and_mirrors_are_even():
    images = np.zeros((4000, 9, 9, 1), "float32")
    images[:, 4, 3] = 1
    moved = shift_and_mirror(images, np.random.default_rng(0))[..., 0]
    there = moved.any((1, 2))
    assert there.mean() == pytest.approx(8 / 9, abs=0.025)  # shifted right by 4, it is gone
    rows, columns = moved[there].any(2).argmax(1), moved[there].any(1).argmax(1)
    deviation = np.sqrt(1 / 9 / there.sum())
    np.testing.assert_allclose(
        np.bincount(rows) / there.sum(), np.full(9, 1 / 9), atol=5 * deviation
    )
    # Places 0 to 7 as it is, and 8 to 1 mirrored, each once in 16 times.
    expected = np.array([1, *[2] * 7, 1]) / 16
    np.testing.assert_allclose(np.bincount(columns) / there.sum(), expected, atol=5 * deviation)


def test_the_batch_of_a_step_depends_on_seed_and_step_alone(folder):
    def batches(first_step, count, **arguments):
        data = Cifar10(folder, batch_size=16, validation_examples=10, **arguments).train(first_step)
        return [next(data)[0] for _ in range(count)]

    whole = batches(0, 5)
    for image, other in zip(batches(3, 2), whole[3:], strict=True):
        np.testing.assert_array_equal(image, other)
    assert not np.array_equal(batches(0, 1, seed=1)[0], whole[0])


def test_nothing_is_read_before_it_is_used(tmp_path):
    assert Cifar10(tmp_path / "nowhere", batch_size=7).batch_size == 7


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"validation_examples": 50}, "`validation_examples` must be from 0 to 49. Received: 50."),
        (
            {"validation_examples": 15, "batch_size": 36},
            "`batch_size` must be from 1 to 35. Received: 36.",
        ),
    ],
)
def test_arguments_out_of_range_are_refused(folder, arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Cifar10(folder, **arguments).train()


def test_a_missing_or_damaged_file_is_named(folder):
    path = folder / "data_batch_3.bin"
    whole = path.read_bytes()
    for content in (whole[:-1], b"", b"\x0a" + whole[1:]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"`data_dir` must hold .*3073.*data_batch_3.bin"):
            Cifar10(folder).train()
    path.unlink()
    with pytest.raises(ValueError, match=r"`data_dir` must hold all six .*no data_batch_3.bin"):
        Cifar10(folder).train()


def test_records_of_tensorflow_datasets_are_read(tmp_path, arrays, monkeypatch):
    tfds = pytest.importorskip("tensorflow_datasets")
    builder = tfds.image_classification.Cifar10
    features = tfds.features
    splits = {
        split: [
            (key, {"id": str(key), "image": image, "label": int(label)})
            for key, (image, label) in enumerate(zip(*part, strict=True))
        ]
        for split, part in zip(("train", "test"), arrays, strict=True)
    }
    tfds.dataset_builders.store_as_tfds_dataset(
        name="cifar10",
        version=str(builder.VERSION),
        features=features.FeaturesDict(
            {
                "id": features.Text(),
                "image": features.Image(shape=(32, 32, 3)),
                "label": features.ClassLabel(num_classes=10),
            }
        ),
        split_datasets=splits,
        data_dir=tmp_path,
    )

    def fail(*_):
        raise ConnectionError("no network")

    monkeypatch.setattr(builder, "_split_generators", fail)
    images, labels = Cifar10(tmp_path, batch_size=10, validation_examples=0).test()[0]
    known = {image.tobytes(): label for image, label in zip(*arrays[1], strict=True)}
    assert [known[image.tobytes()] for image in as_bytes(images)] == labels.tolist()
    with pytest.raises(ValueError, match=r"`data_dir` must be a folder with the six files"):
        Cifar10(tmp_path / "elsewhere").train()
