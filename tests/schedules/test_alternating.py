"""Phases in turn, against phases that are laid out one after the other."""

import pytest

import state_of_sparsity as sos
from state_of_sparsity.schedules.alternating import Alternating
from state_of_sparsity.schedules.answers import last_due
from state_of_sparsity.schedules.followed import FollowedSparsity
from state_of_sparsity.schedules.saving import deserialize_schedule, serialize_schedule


def phases(begin, length, end):
    """Returns the steps at which phases begin, compressed and decompressed ones in turn."""
    starts = []
    while begin + 2 * length <= end:
        starts += [begin, begin + length]
        begin += 2 * length
    return [*starts, end]


# The last: a settings file of the authors, in epochs, names 10, 20 .. 70 and 85 to compress, and
# 15, 25 .. 65 and 75 to decompress.
SETTINGS = [(0, 1, 2), (3, 2, 7), (3, 2, 8), (3, 2, 14), (10, 5, 85)]


@pytest.mark.parametrize("setting", SETTINGS)
def test_every_step(setting):
    schedule, starts = Alternating(0.9, *setting), phases(*setting)
    for step in range(100):
        past = [start for start in starts if start <= step]
        sparsity = 0.9 if len(past) % 2 else 0.0
        assert schedule(step) == (step in starts, sparsity)
        assert schedule.last_update(step) == (past[-1] if past else None)
        expected = (past[-1], sparsity) if past else None
        assert last_due(schedule, 0, step) == expected


def test_the_authors_setting():
    starts = phases(10, 5, 85)
    assert starts[::2] == [10, 20, 30, 40, 50, 60, 70, 85]
    assert starts[1::2] == [15, 25, 35, 45, 55, 65, 75]


def test_it_is_saved_and_revived():
    schedule = Alternating(0.9, 3, 2, 14)
    assert deserialize_schedule(serialize_schedule(schedule)) == schedule


def test_a_run_that_ends_before_its_last_phase():
    followed = FollowedSparsity(Alternating(0.9, 0, 5, 20))
    assert followed.first_update(100) == (0, 0.9)
    assert followed.unreached(0, 20) is None
    assert "its last phase after the run's end" in followed.unreached(0, 19)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1.0, 0, 5, 20), "`target_sparsity` must be"),
        ((0.9, -1, 5, 20), "`begin_step` must be"),
        ((0.9, 0, 0, 20), "`phase_steps` must be"),
        ((0.9, 0, 2.5, 20), "`phase_steps` must be an integer"),
        ((0.9, 11, 5, 20), r"`end_step` must be at least `begin_step \+ 2 \* phase_steps`"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        sos.schedules.Alternating(*arguments)
