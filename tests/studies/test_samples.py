"""The table of sample translations."""

import pathlib

import pytest

from tests.script_folder import imported_as_a_script

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _as_a_script(monkeypatch):
    with imported_as_a_script(monkeypatch, ROOT / "studies" / "translation"):
        yield


def row(source, run, translation):
    return {"source": source, "reference": "", "run": run, "translation": translation}


def test_sentences_are_evenly_spaced():
    from samples import chosen_pairs

    assert chosen_pairs(range(10), 5) == [0, 2, 4, 6, 8]
    assert chosen_pairs(range(2), 5) == [0, 1]


def test_runs_are_added_and_take_the_place_of_what_was_there():
    from samples import merged

    old = [row("b", "one", "old"), row("b", "two", "old"), row("c", "two", "left out")]
    new = [row("b", "one", "new"), row("a", "one", "new")]
    assert merged(old, new) == [
        row("b", "one", "new"),
        row("b", "two", "old"),
        row("a", "one", "new"),
    ]


def test_a_table_that_is_not_there_has_no_rows(tmp_path):
    from samples import read

    assert read(tmp_path / "samples.csv") == []
