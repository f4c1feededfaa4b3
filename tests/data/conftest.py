import pytest

from tests.small_image_records import small_records, write_records


@pytest.fixture(scope="session")
def records():
    """Small images: `{split: list of ImageRecord}`."""
    return small_records()


@pytest.fixture(scope="session")
def record_files(tmp_path_factory, records):
    """A folder with these images in files train-* and validation-*."""
    return write_records(tmp_path_factory.mktemp("made_up") / "files", "tfrecords", records)
