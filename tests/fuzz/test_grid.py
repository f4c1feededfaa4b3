"""Grids of any text: cells as they should be, or a `ValueError` that names `grid`."""

import itertools
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state_of_sparsity.bin.grid import cells

VALUES = st.text(string.ascii_lowercase + string.digits + "._+-", min_size=1, max_size=6)
AXES = st.dictionaries(
    st.text(string.ascii_uppercase + "_", min_size=1, max_size=8),
    st.lists(VALUES, min_size=1, max_size=4, unique=True),
    max_size=4,
)


@given(name=st.text(string.ascii_lowercase + "_/", min_size=1, max_size=10), axes=AXES)
def test_a_grid_is_every_combination_in_order(name, axes):
    grid = cells(" ".join([f"a{name}.gin", *(f"{k}={','.join(v)}" for k, v in axes.items())]))
    combinations = itertools.product(*axes.values())
    assert [cell.bindings for cell in grid] == [
        [f"{name} = {value}" for name, value in zip(axes, values, strict=True)]
        for values in combinations
    ]
    assert {cell.gin_file for cell in grid} == {f"a{name}.gin"}
    assert len({cell.directory for cell in grid}) == len(grid)


GRID_TEXT = st.text(string.ascii_letters + "0.,=/ '[]-_\t\n\u00e9", max_size=30)


@given(text=st.text(max_size=30) | GRID_TEXT | GRID_TEXT.map(lambda text: f"a.gin {text}"))
def test_any_text_is_a_grid_or_a_clear_error(text):
    try:
        grid = cells(text)
    except ValueError as error:
        assert "`grid` must" in str(error) and "Received" in str(error)
        return
    directories = [cell.directory for cell in grid]
    assert len(set(directories)) == len(directories), "two runs in one directory"
    for directory in directories:
        assert not directory.startswith("/") and ".." not in directory.split("/")


@pytest.mark.parametrize("text", ["a.gin SEED=0,0", "a.gin X=1,'1'"])
def test_two_cells_of_one_directory_are_refused(text):
    with pytest.raises(ValueError, match=r"`grid` must"):
        cells(text)
