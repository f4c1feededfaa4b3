import re
import sys

import pytest

from state_of_sparsity.data.text.parallel_records import ParallelRecords
from tests.small_translation import make_pairs, write_records

SET = "wmt14_translate/de-en"
PAIRS = make_pairs()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A `data_dir` with records under the name of a real set."""
    folder = tmp_path_factory.mktemp("tfds")
    write_records(folder, PAIRS)
    return folder


def test_records_of_a_real_builder_are_read(prepared, monkeypatch):
    records = ParallelRecords(SET, ("en", "de"), prepared)
    assert set(records.splits) == set(PAIRS) and records.name == "wmt14_translate_en_de"
    for split, pairs in PAIRS.items():
        assert list(records.pairs(split)) == pairs
    monkeypatch.setenv("HOME", str(prepared))
    swapped = ParallelRecords(SET, ["de", "en"], "~").pairs("test")
    assert list(swapped) == [pair[::-1] for pair in PAIRS["test"]]


def test_a_set_of_ones_own_without_validation(tmp_path):
    pairs = {"train": [(" one ", "eins\n")], "test": [("", "zwei")]}
    write_records(tmp_path, pairs, "my_translations", None, "1.2.3")
    records = ParallelRecords("my_translations", ("en", "de"), str(tmp_path))
    assert list(records.pairs("train")) == [("one", "eins")]
    assert list(records.pairs("test")) == [("", "zwei")]
    message = "must have a split called 'validation'. Received: 'my_translations', with the splits"
    with pytest.raises(ValueError, match=message):
        list(records.pairs("validation"))


def test_languages_that_the_set_does_not_have(prepared):
    message = "`languages` must be two that the translation set `dataset` has text in. Received: "
    message += "('en', 'fr') and 'wmt14_translate/de-en', which has text called "
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        list(ParallelRecords(SET, ("en", "fr"), prepared).pairs("train"))
    assert "de, en" in str(error.value)


def test_a_set_that_is_not_of_text(tmp_path):
    import tensorflow_datasets as tfds

    tfds.dataset_builders.store_as_tfds_dataset(
        name="my_numbers",
        version="1.0.0",
        features=tfds.features.FeaturesDict({"en": tfds.features.ClassLabel(num_classes=2)}),
        split_datasets={"train": [(0, {"en": 1})]},
        data_dir=tmp_path,
    )
    with pytest.raises(ValueError, match=r"'my_numbers', which has text called nothing"):
        list(ParallelRecords("my_numbers", ("en", "de"), tmp_path).pairs("train"))


def test_a_name_that_tensorflow_datasets_does_not_know(tmp_path):
    message = r"`dataset` must be the name of a translation set .*'no_such_set'.*says: "
    with pytest.raises(ValueError, match=message) as error:
        ParallelRecords("no_such_set", ("en", "de"), tmp_path).splits  # noqa: B018
    assert "\n" not in str(error.value)


def test_a_set_that_cannot_be_downloaded(tmp_path, monkeypatch):
    import tensorflow_datasets as tfds

    def fail(*_):
        raise ConnectionError("no network")

    monkeypatch.setattr(tfds.builder_cls("wmt14_translate"), "_split_generators", fail)
    with pytest.raises(
        ValueError, match=r"`dataset` must be .*'wmt14_translate/de-en'.*no network"
    ):
        list(ParallelRecords(SET, ("en", "de"), tmp_path).pairs("train"))


def test_without_tensorflow_datasets(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)  # its import then fails
    with pytest.raises(ValueError, match=r"`dataset` can be read only where .* can be imported"):
        list(ParallelRecords(SET, ("en", "de"), tmp_path).pairs("train"))


@pytest.mark.parametrize("languages", [("en",), ("en", "en"), ("en", "de", "fr")])
def test_languages_must_be_two(languages):
    message = f"`languages` must be two, source and target. Received: {languages!r}."
    with pytest.raises(ValueError, match=re.escape(message)):
        ParallelRecords("wmt14_translate/de-en", languages)
