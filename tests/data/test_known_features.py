"""Folders of data name classes, and nothing that they name is imported."""

import json
import sys

import pytest

from state_of_sparsity.data.images.imagenet import ImageNet
from state_of_sparsity.data.images.mnist import Mnist
from state_of_sparsity.data.known_features import known_features_only
from state_of_sparsity.data.text.parallel_records import ParallelRecords
from tests.small_image_records import small_records, write_records

MODULE = "canary_of_features"


@pytest.fixture
def canary(tmp_path, monkeypatch):
    """A file that appears when the module of a stranger is imported."""
    folder = tmp_path / "modules"
    folder.mkdir()
    text = "import pathlib\npathlib.Path(__file__).with_name('canary').write_text('')\n"
    (folder / f"{MODULE}.py").write_text(text)
    monkeypatch.syspath_prepend(folder)
    yield folder / "canary"
    sys.modules.pop(MODULE, None)


def store(folder, name, config=None):
    import tensorflow_datasets as tfds

    tfds.dataset_builders.store_as_tfds_dataset(
        name=name,
        config=config,
        version="1.0.0",
        features=tfds.features.FeaturesDict(dict.fromkeys(("en", "de"), tfds.features.Text())),
        split_datasets={"train": [(0, {"en": "one", "de": "eins"})]},
        data_dir=folder,
    )


def poison(folder, change):
    """Changes every `features.json` in a folder."""
    paths = list(folder.rglob("features.json"))
    assert paths
    for path in paths:
        path.write_text(json.dumps(change(json.loads(path.read_text()))))


def at_the_top(features):
    return {**features, "pythonClassName": f"{MODULE}.Feature"}


def inside(features):
    key = next(iter(features["featuresDict"]["features"]))
    features["featuresDict"]["features"][key]["pythonClassName"] = f"{MODULE}.Feature"
    return features


def legacy(_):
    return {"type": f"{MODULE}.Feature", "content": {}}


@pytest.mark.parametrize("change", [at_the_top, inside, legacy])
def test_sentences_of_a_folder_that_names_a_module(tmp_path, canary, change):
    store(tmp_path, "my_pairs")
    assert list(ParallelRecords("my_pairs", data_dir=tmp_path).pairs("train")) == [("one", "eins")]
    poison(tmp_path, change)
    message = f"`dataset` must be .*'{MODULE}.Feature', which would be imported"
    with pytest.raises(ValueError, match=message):
        ParallelRecords("my_pairs", data_dir=tmp_path).splits  # noqa: B018
    assert not canary.exists()


def test_images_of_a_folder_that_names_a_module(tmp_path, canary):
    write_records(tmp_path, "tfds", small_records())
    poison(tmp_path, inside)
    # Of a set that TFDS has no code for, it reads all from the folder.
    (tmp_path / "imagenet2012").rename(tmp_path / "my_images")
    for path in tmp_path.rglob("dataset_info.json"):
        path.write_text(path.read_text().replace("imagenet2012", "my_images"))
    with pytest.raises(ValueError, match=f"{MODULE}.Feature', which would be imported"):
        ImageNet(tmp_path, "my_images").train()
    assert not canary.exists()


def test_mnist_in_a_folder_that_names_a_module(tmp_path, canary, monkeypatch):
    import tensorflow_datasets as tfds

    store(tmp_path, "mnist")
    poison(tmp_path, inside)
    # Its code is tried first; without it the folder alone would say what is read.
    monkeypatch.setattr(tfds.core.load, "builder_cls", no_code)
    with pytest.raises(ValueError, match=f"{MODULE}.Feature', which would be imported"):
        next(Mnist(tmp_path).train())
    assert not canary.exists()


def no_code(name):
    import tensorflow_datasets as tfds

    raise tfds.core.DatasetNotFoundError(name)


def test_tensorflow_datasets_itself_would_import_it(tmp_path, canary):
    import tensorflow_datasets as tfds

    store(tmp_path, "my_pairs")
    poison(tmp_path, at_the_top)
    with pytest.raises(ValueError, match="Unrecognized FeatureConnector"):
        tfds.builder("my_pairs", data_dir=tmp_path)
    assert canary.exists()


def test_a_class_that_the_user_has_imported_is_known():
    import tensorflow_datasets as tfds

    class OwnText(tfds.features.Text):
        pass

    before = vars(tfds.features.FeatureConnector)["cls_from_name"]
    with known_features_only():
        name = f"{OwnText.__module__}.OwnText"
        assert tfds.features.FeatureConnector.cls_from_name(name) is OwnText
    assert vars(tfds.features.FeatureConnector)["cls_from_name"] is before
