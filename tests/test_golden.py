"""Five steps of every technique are those of its golden state, on whatever backend this runs."""

import numpy as np
import pytest

from tests import golden_state, write_golden_states
from tests.golden_state import FOLDER, compare, goldens, path_of, read, replay
from tests.technique import technique_files

GOLDENS = goldens()


def test_every_technique_has_a_small_file():
    assert technique_files() == list(GOLDENS) == sorted(path.stem for path in FOLDER.iterdir())
    assert max(path.stat().st_size for path in FOLDER.iterdir()) < 20_000


@pytest.mark.parametrize("name", GOLDENS)
def test_five_steps(name):
    given, expected = read(name)
    equal, lines = compare(replay(GOLDENS[name], given), expected)
    print(*lines, sep="\n")
    assert equal, "\n".join(lines)


def test_files_hold_what_numpy_says_now():
    assert write_golden_states.main([])


@pytest.fixture
def changed(tmp_path, monkeypatch):
    """Returns the path of a file whose masks another technique would have made."""
    given, expected = read("magnitude_pruning")
    monkeypatch.setattr(golden_state, "FOLDER", tmp_path)
    expected["mask"] = expected["mask"][:, ::-1]
    arrays = write_golden_states.as_in_file(given, expected)
    np.savez_compressed(path_of("magnitude_pruning"), **arrays)
    return path_of("magnitude_pruning")


def test_a_change_is_said_and_not_written_unless_asked_for(changed, capsys):
    before = changed.read_bytes()
    assert not write_golden_states.main(["magnitude_pruning"])
    said = [line.split(":")[0] for line in capsys.readouterr().out.splitlines()]
    assert "  NOT OK  after/mask" in said and "  OK      after/kernel" in said
    assert changed.read_bytes() == before
    assert write_golden_states.main(["--overwrite", "magnitude_pruning"])
    assert changed.read_bytes() != before
    assert write_golden_states.main(["magnitude_pruning"])


def test_what_is_missing_of_another_shape_or_not_a_number_is_not_equal():
    state = {"kernel": np.ones((5, 2))}
    assert compare(state, state)[0]
    for other in ({}, {"kernel": np.ones(5)}, {"kernel": np.full((5, 2), np.nan)}):
        assert not compare(other, state)[0] and not compare(state, other)[0]
