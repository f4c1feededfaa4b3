import pytest

from state_of_sparsity.bin import grid
from state_of_sparsity.bin.cell_choice import at, in_directories
from state_of_sparsity.errors import UsageError

CELLS = list(range(12))


def test_a_cell_and_slices():
    assert at(CELLS, "0") == [0] and at(CELLS, "11") == [11]
    assert at(CELLS, "2:4") == [2, 3] and at(CELLS, "10:") == [10, 11] and at(CELLS, ":1") == [0]
    assert at(CELLS, ":") == CELLS


@pytest.mark.parametrize("tasks", [1, 3, 5, 12])
def test_tasks_share_all_cells_and_no_cell_twice(tasks):
    shares = [at(CELLS, f"{task}::{tasks}") for task in range(tasks)]
    assert sorted(cell for share in shares for cell in share) == CELLS


@pytest.mark.parametrize(
    "index", ["12", "-1", "", "a", "1.0", "12:", "3:3", "::0", "0:1:2:3", "1,2", "¹", "9" * 30]
)
def test_what_is_no_cell(index):
    with pytest.raises(UsageError, match=r"`cell` must be a position from 0 to 11.*Received: "):
        at(CELLS, index)


def test_cells_are_chosen_by_the_directory_they_run_in():
    cells = [*grid.cells("lenet/dense/lenet_5.gin SEED=0,1"), *grid.cells("a/dense_2.gin SEED=0")]
    assert in_directories(cells, []) == cells
    assert in_directories(cells, ["dense/lenet_5"]) == cells[:2]
    assert in_directories(cells, ["dense"]) == cells[:2]  # not dense_2
    assert in_directories(cells, ["dense/lenet_5/seed"]) == cells[:2]
    assert in_directories(cells, ["dense/lenet_5/seed_1", "dense_2/"]) == cells[1:]
    with pytest.raises(UsageError, match=r"`only` must name runs.*'len'. There are dense/"):
        in_directories(cells, ["dense", "len"])
    with pytest.raises(UsageError, match=r"There are dense/lenet_5/seed_0, dense/lenet_5"):
        in_directories(cells, ["dense/lenet_5/seed_2"])
