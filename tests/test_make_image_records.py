"""The script that makes up images: what it writes is what ImageNet's readers expect."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tests.small_image_records import LAUNCH, SIZES, TEST, TRAIN, make_script, small_records

SPLITS = {"train": TRAIN, "validation": TEST}


@pytest.fixture(scope="module")
def script():
    return make_script()


@pytest.fixture(scope="module")
def records():
    return small_records()


def run(script, monkeypatch, folder, *flags):
    """Runs the script's main as a command with small images."""
    small = ["--images=12", "--validation_images=4", "--classes=4", "--size=16,24"]
    monkeypatch.setattr(sys, "argv", ["script", f"--output_dir={folder}", *small, *flags])
    script.main()


def test_the_seed_decides_on_every_image(script):
    def jpegs(split, seed):
        return [record.jpeg for record in script.make_images(split, 3, 2, SIZES, seed)]

    assert jpegs("train", 0) == jpegs("train", 0)
    found = [jpegs(split, seed) for split in SPLITS for seed in (0, 1)]
    assert len({jpeg for part in found for jpeg in part}) == 12


def test_sizes_and_names(records):
    for split, count in SPLITS.items():
        shapes = [tf.io.extract_jpeg_shape(record.jpeg).numpy() for record in records[split]]
        heights, widths, channels = zip(*np.array(shapes).tolist(), strict=True)
        for sides in (heights, widths):
            assert SIZES[0] <= min(sides) < max(sides) <= SIZES[1]
        assert heights != widths and set(channels) == {3}
        names = {record.file_name for record in records[split]}
        assert len(names) == count and all(split in name for name in names)


@pytest.mark.parametrize("classes", [1, 3, 4, 8])
def test_classes_are_even_in_all_and_in_each_file(script, classes):
    images = script.make_images("train", 16 * classes, classes, (8, 8), 0)
    labels = np.array([record.label for record in images])
    np.testing.assert_array_equal(np.bincount(labels), np.full(classes, 16))
    for file in range(script.FILES):
        assert len(set(labels[file :: script.FILES])) == classes


def test_there_is_something_to_learn(script):
    """The mean colour of an image is nearest to that of its class, most of the time."""

    def colours(split, count):
        images = list(script.make_images(split, count, 5, SIZES, 0))
        means = [tf.io.decode_jpeg(image.jpeg).numpy().mean(axis=(0, 1)) for image in images]
        return np.array(means), np.array([image.label for image in images])

    known, labels = colours("train", 25)
    of_class = np.array([known[labels == label].mean(axis=0) for label in range(5)])
    unknown, truth = colours("validation", 25)
    nearest = np.linalg.norm(unknown[:, None] - of_class, axis=-1).argmin(axis=-1)
    assert (nearest == truth).mean() > 0.8


def test_tensorflow_datasets_takes_it_for_imagenet(script, records, tmp_path):
    import tensorflow_datasets as tfds

    script.write_tfds(tmp_path, records)
    builder = tfds.builder("imagenet2012", data_dir=tmp_path)
    assert type(builder) is tfds.builder_cls("imagenet2012")
    decoders = {"image": tfds.decode.SkipDecoding()}
    for split, count in SPLITS.items():
        found, info = tfds.load(
            "imagenet2012",
            split=split,
            data_dir=tmp_path,
            download=False,
            decoders=decoders,
            with_info=True,
        )
        assert info.splits[split].num_shards == 4 and info.splits[split].num_examples == count
        assert info.features["label"].num_classes == 1000
        examples = {
            (e["file_name"].decode(), e["image"], int(e["label"]))
            for e in found.as_numpy_iterator()
        }
        assert examples == set(map(tuple, records[split]))
    image = next(iter(tfds.load("imagenet2012", split="train", data_dir=tmp_path)))["image"]
    assert image.dtype == tf.uint8 and image.shape[-1] == 3


def test_files_as_of_old(script, records, tmp_path):
    script.write_tfrecords(tmp_path / "new", records)
    features = {
        "image/encoded": tf.io.FixedLenFeature([], tf.string),
        "image/class/label": tf.io.FixedLenFeature([], tf.int64),
    }
    for split in SPLITS:
        paths = [str(tmp_path / "new" / f"{split}-0000{file}-of-00004") for file in range(4)]
        parsed = tf.data.TFRecordDataset(paths).map(
            lambda record: tf.io.parse_single_example(record, features)
        )
        found = {
            (e["image/encoded"], int(e["image/class/label"])) for e in parsed.as_numpy_iterator()
        }
        assert found == {(record.jpeg, record.label + 1) for record in records[split]}
    assert [path.name for path in tmp_path.iterdir()] == ["new"]
    assert len(list((tmp_path / "new").iterdir())) == 8


def until_the_power_fails(records):
    yield from records[:-1]
    raise KeyboardInterrupt


@pytest.mark.parametrize("layout", ["tfds", "tfrecords"])
def test_a_folder_half_written_is_not_taken_for_a_whole_one(script, records, tmp_path, layout):
    from state_of_sparsity.data.images.imagenet import ImageNet

    folder, write = tmp_path / "images", script.LAYOUTS[layout]
    with pytest.raises(KeyboardInterrupt):
        write(folder, {**records, "validation": until_the_power_fails(records["validation"])})
    folder.mkdir(exist_ok=True)
    with pytest.raises(ValueError, match=r"of which TensorFlow Datasets says: Manual directory"):
        ImageNet(folder, image_size=8, batch_size=4).train()
    if layout == "tfrecords":
        for path in sorted(folder.rglob("*"), reverse=True):  # what TFDS left there just now
            path.rmdir()
    write(folder, records)
    assert ImageNet(folder, image_size=8, batch_size=4).examples == TRAIN


@pytest.mark.parametrize("layout", ["tfds", "tfrecords"])
def test_the_command_writes_what_it_says_and_nothing_twice(
    script, monkeypatch, capsys, tmp_path, layout
):
    folder = tmp_path / "images"
    run(script, monkeypatch, folder, f"--layout={layout}")
    printed = capsys.readouterr()
    assert "Wrote 12 images to train on and 4 to test on, of 4 classes." in printed.out
    assert f"ImageNet(data_dir='{folder}')" in printed.out
    assert "train 12/12" in printed.err and "validation 4/4" in printed.err
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(SystemExit, match=r"Error: .*images.* Give another --output_dir"):
        run(script, monkeypatch, folder, f"--layout={layout}")
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--size=16", "--size must be two numbers"),
        ("--size=a,b", "--size must be two numbers"),
        ("--size=24,16", "--size must be from 8 on, the least first"),
        ("--size=4,16", "--size must be from 8 on, the least first"),
        ("--classes=0", "--classes must be from 1 to 1000. Received: 0."),
        ("--classes=1001", "--classes must be from 1 to 1000. Received: 1001."),
        ("--images=3", "must be at least 4, one a file"),
        ("--validation_images=0", "must be at least 4, one a file"),
        ("--seed=-1", "--seed must not be negative. Received: -1."),
        ("--layout=zip", "invalid choice: 'zip'"),
    ],
)
def test_wrong_flags(script, monkeypatch, capsys, tmp_path, flag, message):
    with pytest.raises(SystemExit) as error:
        run(script, monkeypatch, tmp_path, flag)
    assert error.value.code == 2 and message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_help():
    command = [sys.executable, str(LAUNCH / "make_image_records.py"), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "--output_dir" in done.stdout and done.stderr == ""
