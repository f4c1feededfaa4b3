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

    old = [row(source, run, "old") for run in ("one", "two") for source in "ba"]
    new = [row("b", "one", "new"), row("a", "one", "new")]
    assert merged(old, new) == [
        row("b", "one", "new"),
        row("b", "two", "old"),
        row("a", "one", "new"),
        row("a", "two", "old"),
    ]
    assert merged([], new) == new


def test_other_sentences_do_not_take_the_place_of_those_there():
    from samples import merged

    with pytest.raises(ValueError, match="`source` and `count` must give the sentences that are"):
        merged([row("a", "one", ""), row("b", "one", "")], [row("a", "two", "")])


def test_samples_are_quoted_under_their_source():
    from sample_table import markdown

    rows = [
        {"source": "A dog.", "reference": "Ein Hund.", "run": "dense", "translation": "Hund."},
        {"source": "A dog.", "reference": "Ein Hund.", "run": "random", "translation": "Der."},
    ]
    assert markdown(rows).splitlines() == [
        "*A dog.*",
        "",
        "| Run | Translation |",
        "| --- | --- |",
        "| reference | Ein Hund. |",
        "| dense | Hund. |",
        "| random | Der. |",
    ]
