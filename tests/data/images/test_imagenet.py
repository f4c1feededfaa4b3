import re
import shutil
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from state_of_sparsity.data.images import image_crops
from state_of_sparsity.data.images.imagenet import ImageNet
from tests.small_image_records import TEST, TRAIN, write_records

SMALL = {"image_size": 8, "batch_size": 12, "evaluation_batch_size": 4, "shuffle_buffer": 16}
PER_EPOCH = 3  # 40 images, 12 a batch


def make(folder, **changes):
    return ImageNet(folder, **{**SMALL, **changes})


def batches(data, steps, **where):
    """Returns `(images, labels)` of some steps as arrays."""
    taken = data.train(**where).take(steps)
    return [tuple(np.array(x) for x in batch) for batch in taken]


def labels_in(batches):
    return np.concatenate([labels for _, labels in batches.as_numpy_iterator()]).tolist()


def assert_equal_batches(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        for x, y in zip(one, other, strict=True):
            np.testing.assert_array_equal(x, y)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, records):
    """A `data_dir` of TensorFlow Datasets with imagenet2012 of small images."""
    return write_records(tmp_path_factory.mktemp("made_up") / "tfds", "tfds", records)


@pytest.fixture(scope="module")
def data(record_files):
    """The images in files train-* and validation-*."""
    return make(record_files)


@pytest.fixture(scope="module")
def first_steps(data):
    """The batches of more than three epochs."""
    return batches(data, 10)


@pytest.mark.parametrize("layout", ["record_files", "prepared"])
def test_images_and_labels_have_the_documented_form(request, layout):
    data = make(request.getfixturevalue(layout))
    assert (data.name, data.batch_size, data.examples) == ("image_net", 12, TRAIN)
    assert data.classes == (1000 if layout == "prepared" else None)
    assert data.train().element_spec == (
        tf.TensorSpec((12, 8, 8, 3), tf.float32),
        tf.TensorSpec((12,), tf.int32),
    )
    sizes = []
    for images, labels in data.test():
        assert images.dtype == tf.float32 and labels.dtype == tf.int32
        assert images.shape[1:] == (8, 8, 3)
        sizes.append(len(labels))
    assert sizes == [4, 4, 2]


@pytest.mark.parametrize("layout", ["record_files", "prepared"])
def test_every_image_has_its_label_and_no_other(request, layout, records):
    data = make(request.getfixturevalue(layout))
    found = {}
    for images, labels in data.test().as_numpy_iterator():
        found |= dict(zip(labels.tolist(), images, strict=True))
    expected = {r.label: image_crops.evaluation_image(r.jpeg, 8) for r in records["validation"]}
    assert found.keys() == expected.keys() and len(found) == TEST
    for label, image in expected.items():
        np.testing.assert_allclose(
            found[label], image_crops.normalized(image, "float32"), atol=1e-5
        )
    epoch = batches(data, PER_EPOCH)
    assert len({label for _, labels in epoch for label in labels}) == 12 * PER_EPOCH


def test_training_images_are_crops_by_the_place_in_the_order(records, first_steps):
    encoded = {record.label: record.jpeg for record in records["train"]}
    epoch, position = divmod(4, PER_EPOCH)
    images, labels = first_steps[4]
    for place, (image, label) in enumerate(zip(images, labels.tolist(), strict=True)):
        number = epoch * TRAIN + position * 12 + place
        seed = tf.constant([0, number], tf.int64)
        crop = image_crops.training_image(encoded[label], 8, seed)
        np.testing.assert_allclose(image, image_crops.normalized(crop, "float32"), atol=1e-5)


def test_a_resumed_run_sees_the_same_batches(record_files, data, first_steps):
    for step in (1, 3, 8):
        found = batches(data, 10 - step, first_step=step)
        assert_equal_batches(found, first_steps[step:])
    tf.random.set_seed(0)  # nor does the seed of the process matter
    assert_equal_batches(batches(make(record_files), 1, first_step=4), first_steps[4:5])
    epochs = [np.concatenate([b[1] for b in first_steps[e : e + 3]]).tolist() for e in (0, 3, 6)]
    assert epochs[0] != epochs[1] != epochs[2]


@pytest.mark.parametrize("workers", [2, 3])
def test_workers_together_see_the_batch_of_one(data, first_steps, workers):
    parts = [
        batches(data, 3, first_step=2, worker=worker, workers=workers) for worker in range(workers)
    ]
    whole = [
        tuple(np.concatenate(x) for x in zip(*of_step, strict=True))
        for of_step in zip(*parts, strict=True)
    ]
    assert_equal_batches(whole, first_steps[2:5])


def test_replicas_get_parts_of_batches_in_their_order(data, first_steps):
    parts = data.train(first_step=1).rebatch(6, drop_remainder=True).take(2)
    images = np.concatenate([images for images, _ in parts.as_numpy_iterator()])
    np.testing.assert_array_equal(images, first_steps[1][0])


def test_seeds_have_orders_and_crops_of_their_own(record_files, first_steps):
    ((images, labels),) = batches(make(record_files, seed=1), 1)
    assert labels.tolist() != first_steps[0][1].tolist()
    shared = set(labels) & set(first_steps[0][1])
    assert shared
    for label in shared:
        one, other = (x[y == label] for x, y in ((images, labels), first_steps[0]))
        assert not np.array_equal(one, other)


def test_skipped_images_and_those_of_other_workers_are_not_decoded(
    tmp_path, record_files, records, first_steps
):
    """With images that cannot be decoded in the places of these."""
    own = set(first_steps[1][1][6:])
    broken = [
        record if record.label in own | {0} else record._replace(jpeg=b"no image")
        for record in records["train"]
    ]
    folder = write_records(tmp_path / "broken", "tfrecords", {**records, "train": broken})
    data = make(folder)
    found = batches(data, 1, first_step=1, worker=1, workers=2)
    assert_equal_batches(found, [tuple(x[6:] for x in first_steps[1])])
    with pytest.raises(tf.errors.InvalidArgumentError, match="Unknown image file format"):
        batches(data, 1, first_step=1)


@pytest.mark.parametrize("layout", ["record_files", "prepared"])
def test_the_held_out_images_are_the_last_ones(request, layout):
    folder = request.getfixturevalue(layout)
    assert make(folder).validation() is None
    data = make(folder, validation_examples=16)
    assert data.examples == TRAIN - 16
    validation = labels_in(data.validation())
    trained = {label for _, labels in batches(data, 2) for label in labels.tolist()}
    assert len(validation) == 16 and trained | set(validation) == set(range(TRAIN))
    assert not trained & set(validation)
    assert labels_in(make(folder, validation_examples=16, seed=1).validation()) == validation
    fewer = labels_in(make(folder, validation_examples=5).validation())
    assert len(fewer) == 5 and set(fewer) < set(validation)


def test_bfloat16_images_are_the_rounded_ones(record_files, first_steps):
    images, _ = next(iter(make(record_files, dtype="bfloat16").train()))
    assert images.dtype == tf.bfloat16
    np.testing.assert_array_equal(images, tf.cast(first_steps[0][0], tf.bfloat16))


def test_keras_trains_and_evaluates_on_it(record_files):
    data = make(record_files, validation_examples=10)
    layers = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(1000)]
    model = keras.Sequential([keras.Input((8, 8, 3)), *layers])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, metrics=["accuracy"])
    history = model.fit(
        data.train(),
        validation_data=data.validation(),
        steps_per_epoch=3,
        epochs=2,
        shuffle=False,
        verbose=0,
    ).history
    assert np.isfinite(history["loss"] + history["val_loss"]).all()
    assert np.isfinite(model.evaluate(data.test(), verbose=0)).all()


def store(folder, name, version, features, splits, **settings):
    """Has TensorFlow Datasets write examples; a real builder of that name reads them."""
    import tensorflow_datasets as tfds

    tfds.dataset_builders.store_as_tfds_dataset(
        name=name,
        version=version,
        features=tfds.features.FeaturesDict(features),
        split_datasets={split: list(enumerate(found)) for split, found in splits.items()},
        data_dir=folder,
        **settings,
    )
    return folder


def store_cifar10(folder, splits=("train", "test"), **settings):
    """Stores five PNG images a split as CIFAR-10, and returns the folder and the images."""
    import tensorflow_datasets as tfds

    features = {
        "id": tfds.features.Text(),
        "image": tfds.features.Image(shape=(32, 32, 3)),
        "label": tfds.features.ClassLabel(num_classes=10),
    }
    images = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), np.uint8)
    found = [{"id": str(i), "image": image, "label": i} for i, image in enumerate(images)]
    version = str(tfds.builder_cls("cifar10").VERSION)
    examples = dict.fromkeys(splits, found)
    return store(folder, "cifar10", version, features, examples, **settings), images


def test_other_sets_and_png_images_are_read(tmp_path):
    folder, images = store_cifar10(tmp_path)
    data = make(folder, dataset="cifar10", image_size=32, batch_size=5)
    assert (data.name, data.classes, data.examples) == ("cifar10", 10, 5)
    found, labels = next(iter(data.train()))
    assert found.shape == (5, 32, 32, 3) and sorted(labels.numpy()) == list(range(5))
    found, labels = (np.concatenate(x) for x in zip(*data.test().as_numpy_iterator(), strict=True))
    for image, label in zip(found, labels, strict=True):
        crop = image_crops.evaluation_image(tf.io.encode_png(images[label]), 32)
        np.testing.assert_allclose(image, image_crops.normalized(crop, "float32"), atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_size": 0}, "`image_size` must be at least 1. Received: 0."),
        ({"evaluation_batch_size": 0}, "`evaluation_batch_size` must be at least 1. Received: 0."),
        ({"shuffle_buffer": 0}, "`shuffle_buffer` must be at least 1. Received: 0."),
        ({"batch_size": 0}, "`batch_size` must be at least 1. Received: 0."),
        ({"batch_size": 41}, "`batch_size` must be from 1 to 40. Received: 41."),
        ({"validation_examples": 5, "batch_size": 36}, "`batch_size` must be from 1 to 35."),
        ({"validation_examples": -1}, "`validation_examples` must be at least 0. Received: -1."),
        ({"validation_examples": 40}, "`validation_examples` must be from 0 to 39. Received: 40."),
        ({"dtype": "float16"}, "`dtype` must be one of float32, bfloat16. Received: 'float16'."),
    ],
)
def test_arguments_out_of_range_are_refused(record_files, changes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make(record_files, **changes).train()


def test_nothing_is_read_before_it_is_used(tmp_path):
    assert make(tmp_path / "nowhere").batch_size == SMALL["batch_size"]


@pytest.mark.parametrize("layout", ["record_files", "prepared"])
def test_a_part_is_evaluated_without_the_files_of_the_other(request, tmp_path, layout):
    def copy_without(split):
        folder = shutil.copytree(request.getfixturevalue(layout), tmp_path / split)
        for path in folder.rglob(f"*{split}*-of-*"):
            path.unlink()
        # Nor does the size of training batches matter.
        return make(folder, validation_examples=5, batch_size=1000)

    assert sorted(labels_in(copy_without("train").test())) == list(range(TEST))
    assert len(labels_in(copy_without("validation").validation())) == 5
    for split in ("train", "validation"):
        with pytest.raises(ValueError, match=rf"`data_dir` must hold all files .*{split}"):
            make(tmp_path / split).train()


@pytest.fixture
def damaged(tmp_path, record_files):
    """A copy of the files, to do damage to."""
    return shutil.copytree(record_files, tmp_path / "copy")


def test_files_that_are_missing_are_noticed(damaged):
    (damaged / "train-00002-of-00004").unlink()
    with pytest.raises(ValueError, match=r"must hold all files train-\*.* with 3 of 4\."):
        make(damaged).train()


def test_no_files_to_test_on(damaged):
    for path in damaged.glob("validation-*"):
        path.unlink()
    with pytest.raises(ValueError, match=r"must hold all files validation-\*.* with 0 of them\."):
        make(damaged).train()


def test_empty_files(damaged):
    for path in damaged.glob("validation-*"):
        path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"images in its files validation-\*.*they are empty"):
        make(damaged).train()


def test_a_truncated_file_is_named(damaged):
    path = damaged / "train-00001-of-00004"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(ValueError, match=rf"undamaged TFRecord files\. Received: {path}, which"):
        make(damaged).train()


@pytest.mark.parametrize("label", [-1, 1000])
def test_labels_out_of_range(tmp_path, records, label):
    wrong = {**records, "validation": [records["validation"][0]._replace(label=label)]}
    folder = write_records(tmp_path / "first", "tfrecords", wrong)
    message = rf"labels from 1 to 1000\. Received:\W*{label + 1}\b"
    with pytest.raises(ValueError, match=rf"labelled images\. .* to test on.*{message}"):
        make(folder).train()
    train = [r._replace(label=label) if r.label else r for r in records["train"]]
    folder = write_records(tmp_path / "later", "tfrecords", {**records, "train": train})
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        batches(make(folder), 1)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match=r"`data_dir` must be an existing folder.*'.*nowhere'"):
        make(tmp_path / "nowhere").train()


def test_the_home_folder_has_its_short_name(record_files, monkeypatch):
    monkeypatch.setenv("HOME", str(record_files))
    assert make("~").examples == TRAIN


def test_a_name_that_tensorflow_datasets_does_not_know(tmp_path):
    with pytest.raises(ValueError, match=r"`dataset` must be a name .*'imagenete'.*imagenette"):
        make(tmp_path, dataset="imagenete").train()


def test_imagenet_that_has_to_be_fetched_by_hand(tmp_path):
    with pytest.raises(ValueError, match=r"`data_dir` must be a folder with .* says: ") as error:
        make(tmp_path).train()
    assert "ILSVRC2012_img_train.tar" in str(error.value) and "\n" not in str(error.value)


def test_without_tensorflow_datasets(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)  # its import then fails
    with pytest.raises(ValueError, match=r"`data_dir` must be .* cannot be imported"):
        make(tmp_path).train()


def test_of_imagenet_the_validation_images_are_tested_on(tmp_path, records):
    without_labels = [record._replace(label=-1) for record in records["train"]]
    folder = write_records(tmp_path, "tfds", {**records, "test": without_labels})
    assert sorted(labels_in(make(folder).test())) == list(range(TEST))


def test_a_set_without_a_split_to_test_on(tmp_path):
    folder, _ = store_cifar10(tmp_path, splits=["train"])
    message = "`dataset` must have a split called 'test' or 'validation'. Received: 'cifar10', with"
    with pytest.raises(ValueError, match=re.escape(message)):
        make(folder, dataset="cifar10").test()


def test_a_set_that_is_not_of_images(tmp_path):
    import tensorflow_datasets as tfds

    features = {"text": tfds.features.Text()}
    store(tmp_path, "some_texts", "1.0.0", features, {"train": [{"text": "a"}]})
    with pytest.raises(ValueError, match=r"`dataset` must be of images .*'some_texts'.*text"):
        make(tmp_path, dataset="some_texts").train()


def test_a_set_that_is_not_of_images_is_not_downloaded(tmp_path, monkeypatch):
    import tensorflow_datasets as tfds

    def fail(*_):
        raise ConnectionError("no network")

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", fail)
    with pytest.raises(ValueError, match=r"`dataset` must be of images .*'imdb_reviews'.*text"):
        make(tmp_path, dataset="imdb_reviews").train()
    with pytest.raises(ValueError, match=r"of which TensorFlow Datasets says: no network"):
        make(tmp_path, dataset="caltech101").train()


def test_array_record_files_are_refused(tmp_path):
    folder, _ = store_cifar10(tmp_path, file_format="array_record")
    message = r"`dataset` must have been prepared as TFRecord.*as array_record files.*tfds build"
    with pytest.raises(ValueError, match=message):
        make(folder, dataset="cifar10").train()


def test_a_file_of_a_prepared_set_that_is_missing(tmp_path, prepared):
    folder = shutil.copytree(prepared, tmp_path / "copy")
    (path,) = folder.rglob("imagenet2012-validation.tfrecord-00001-of-00004")
    path.unlink()
    message = rf"all files of the split 'validation'\. .* without 1 of 4, the first one {path}"
    with pytest.raises(ValueError, match=message):
        make(folder).train()
