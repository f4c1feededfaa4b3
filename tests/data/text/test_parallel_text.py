import gzip
import re

import pytest

from state_of_sparsity.data.text.parallel_text import ParallelFiles


def files(folder, source, target, names=("a.en", "a.de")):
    """Writes two files of bytes and returns `ParallelFiles` of them."""
    for name, content in zip(names, (source, target), strict=True):
        (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return ParallelFiles(*names, data_dir=folder)


@pytest.mark.parametrize("names", [("a.en", "a.de"), ("a.en.gz", "a.de"), ("a.en.gz", "a.de.gz")])
def test_line_i_goes_with_line_i(tmp_path, names):
    found = files(tmp_path, b"one\ntwo\nthree\n", "eins\nzwei\nfünf\n".encode(), names)
    assert found.splits == ["train"]
    expected = [("one", "eins"), ("two", "zwei"), ("three", "fünf")]
    assert list(found.pairs("train")) == expected
    assert list(found.pairs("train")) == expected  # it can be read again


def test_lines_end_at_line_feeds_only_and_are_stripped(tmp_path):
    source = "\ufeff one \r\n\n a\u2028b\x0cc\x85d\u00a0\nlast".encode()
    found = files(tmp_path, source, b"eins\nzwei\n\t\nvier")
    assert list(found.pairs("train")) == [
        ("one", "eins"),
        ("", "zwei"),
        ("a\u2028b\x0cc\x85d", ""),
        ("last", "vier"),
    ]


def test_names_start_from_the_folder_or_the_home_folder(tmp_path, monkeypatch):
    files(tmp_path, b"one", b"eins")
    monkeypatch.setenv("HOME", str(tmp_path))
    for first in ("~/a.en", str(tmp_path / "a.en")):
        found = ParallelFiles(first, "a.de", data_dir="~")
        assert list(found.pairs("train")) == [("one", "eins")]
    monkeypatch.chdir(tmp_path)
    assert list(ParallelFiles("a.en", "a.de").pairs("train")) == [("one", "eins")]


@pytest.mark.parametrize(
    ("source", "target", "counts"),
    [(b"1\n2\n3\n", b"1\n", (3, 1)), (b"1\n2", b"1\n2\n3\n4", (2, 4))],
)
def test_different_numbers_of_lines(tmp_path, source, target, counts):
    found = files(tmp_path, source, target)
    message = f"a.en of {counts[0]} lines and {tmp_path / 'a.de'} of {counts[1]} lines."
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        list(found.pairs("train"))
    assert "`train_source` and `train_target` must be files of as many lines" in str(error.value)


def test_text_that_is_not_utf8(tmp_path):
    found = files(tmp_path, b"one\ntwo", "eins\nfünf".encode("latin-1"))
    message = (
        rf"`train_target` must be UTF-8 text. .*{tmp_path}/a.de, of which line 2 .*0xfc at .* 2 "
    )
    with pytest.raises(ValueError, match=message):
        list(found.pairs("train"))


def test_a_missing_file(tmp_path):
    found = files(tmp_path, b"one", b"eins")
    (tmp_path / "a.de").unlink()
    with pytest.raises(ValueError, match=r"`train_target` must be a text file .*/a.de.*No such"):
        list(found.pairs("train"))


def test_a_file_of_another_split_is_missed_before_the_first_line_to_train_on(tmp_path):
    files(tmp_path, b"one", b"eins")
    text = ParallelFiles("a.en", "a.de", "a.en", "a.de", "a.en", "no.de", data_dir=tmp_path)
    assert list(text.pairs("validation")) == [("one", "eins")]
    with pytest.raises(ValueError, match=r"`test_target` must be a text file .*/no.de.*No such"):
        next(text.pairs("train"))


@pytest.mark.parametrize(
    "damage", [lambda x: x[:-6], lambda x: x[:-12] + b"abcd" + x[-8:], gzip.decompress]
)
def test_a_damaged_gzip_file(tmp_path, damage):
    found = files(tmp_path, b"one\n" * 99, b"eins\n" * 99, ("a.en.gz", "a.de"))
    path = tmp_path / "a.en.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=r"`train_source` must be a text file .*/a.en.gz, which"):
        list(found.pairs("train"))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((None, None), "`train_source` must be a text file. Received: None, with None"),
        (("a.en", ""), "`train_target` must be a text file. Received: '', with 'a.en'"),
        (("a.en", "a.de", None, "b.de"), "`validation_source` must be a text file. Received: None"),
        (("a.en", "a.de", None, None, "c.en"), "`test_target` must be a text file. Received: None"),
    ],
)
def test_files_that_are_not_given(names, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        ParallelFiles(*names)


def test_splits_are_those_that_files_are_given_for():
    assert ParallelFiles(*"abcd").splits == ["train", "validation"]
    assert ParallelFiles("a", "b", test_source="c", test_target="d").splits == ["train", "test"]
