"""Which schedules are taken for one and the same."""

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from state_of_sparsity.schedules.followed import FollowedSparsity


@keras.saving.register_keras_serializable("test_followed")
class Table:
    """A schedule of a user: a sparsity a step, and a note."""

    def __init__(self, values, note=None):
        self.values, self.note = values, note

    def __call__(self, step):
        return True, float(self.values[min(step, len(self.values) - 1)])

    def get_config(self):
        return {"values": self.values}


def key(schedule):
    return FollowedSparsity(schedule).key


@pytest.mark.parametrize("change", [(1000, 0.8), (0, 0.2 + 1e-12)])
def test_long_tables_are_one_where_all_their_numbers_are(change):
    first = np.full(2000, 0.2)
    second = first.copy()
    second[change[0]] = change[1]
    assert key(Table(first)) == key(Table(first.copy()))
    assert key(Table(first)) != key(Table(second))


def test_what_cannot_be_compared_is_its_own():
    class Opaque:
        def __repr__(self):
            return "always the same"

    pair = [Table([0.5], Opaque()) for _ in range(2)]
    assert key(pair[0]) != key(pair[1]) and key(pair[0]) == key(pair[0])


def test_schedules_inside_are_compared():
    def alternating(sparsity):
        return Table([0.5], sos.schedules.ConstantSparsity(sparsity, begin_step=0))

    assert key(alternating(0.5)) == key(alternating(0.5)) != key(alternating(0.6))


def test_what_schedules_share_is_the_same():
    pair = [Table([0.5], np.tanh) for _ in range(2)]
    assert key(pair[0]) == key(pair[1]) != key(Table([0.5], np.sinh))
