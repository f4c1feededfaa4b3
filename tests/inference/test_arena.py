"""Where buffers lie in one array."""

import itertools

import numpy as np
import pytest

from state_of_sparsity.inference.arena import places_in_arena


@pytest.mark.parametrize("seed", range(5))
def test_what_is_needed_at_once_lies_apart_in_no_more_than_all_take(seed):
    generator = np.random.default_rng(seed)
    sizes = {key: int(generator.integers(1, 50)) for key in range(30)}
    begins = {key: int(generator.integers(0, 40)) for key in sizes}
    spans = {key: (begin, begin + int(generator.integers(0, 6))) for key, begin in begins.items()}
    starts, whole = places_in_arena(sizes, spans)
    for one, other in itertools.combinations(sizes, 2):
        at_once = max(spans[one][0], spans[other][0]) <= min(spans[one][1], spans[other][1])
        apart = starts[one] >= starts[other] + sizes[other] or (
            starts[other] >= starts[one] + sizes[one]
        )
        assert apart or not at_once
    assert whole == max(starts[key] + sizes[key] for key in sizes)
    needed = max(
        sum(sizes[key] for key, (first, last) in spans.items() if first <= step <= last)
        for step in range(50)
    )
    assert needed <= whole <= 1.5 * needed < sum(sizes.values())


def test_a_chain_takes_its_two_largest_neighbours():
    sizes = {"a": 5, "b": 8, "c": 6, "d": 2}
    spans = {"a": (0, 1), "b": (1, 2), "c": (2, 3), "d": (3, 4)}
    assert places_in_arena(sizes, spans)[1] == 14


def test_nothing_takes_nothing():
    assert places_in_arena({}, {}) == ({}, 0)
