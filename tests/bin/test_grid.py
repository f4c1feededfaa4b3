import pytest

from state_of_sparsity.bin.grid import all_cells, cells


def test_every_combination_with_its_bindings_and_directory():
    grid = cells("quickstart/random_pruning.gin SPARSITY=0.5,0.9 SEED=0,1,2")
    assert len(grid) == 6
    assert grid[1].gin_file == "quickstart/random_pruning.gin"
    assert grid[1].bindings == ["SPARSITY = 0.5", "SEED = 1"]
    assert grid[1].directory == "random_pruning/sparsity_0.5_seed_1"
    assert len({cell.directory for cell in grid}) == 6


def test_a_file_alone_is_one_cell():
    assert [cell.directory for cell in cells("a/dense.gin")] == ["dense/run"]
    assert [cell.directory for cell in cells("dense.gin")] == ["dense/run"]
    assert [cell.directory for cell in cells("/somewhere/a/dense.gin")] == ["dense/run"]


def test_folders_inside_the_first_one_are_kept():
    for path in ("", "gin_configs/", "../gin_configs/"):
        (cell,) = cells(f"{path}lenet/dense/lenet_5.gin SEED=0")
        assert cell.directory == "dense/lenet_5/seed_0"


def test_cells_of_two_grids_that_would_share_a_directory_are_refused():
    assert len(all_cells(["a/dense.gin SEED=0", "a/dense.gin SEED=1"])) == 2
    with pytest.raises(ValueError, match="`grid` must have cells that differ"):
        all_cells(["a/dense.gin SEED=0", "b/dense.gin SEED=0"])


def test_bindings_of_all_cells_name_no_directory_and_give_way_to_the_grid():
    (cell,) = all_cells(["a/dense.gin SEED=1"], ["MASKS_OF = 'runs/{seed}'", "SEED = 0"])
    assert cell.directory == "dense/seed_1"
    assert cell.bindings == ["MASKS_OF = 'runs/{seed}'", "SEED = 0", "SEED = 1"]


@pytest.mark.parametrize("text", ["", "SEED=0", "a.gin SEED", "a.gin SEED=", "a.gin SEED=0,,1"])
def test_text_of_another_form_is_refused(text):
    with pytest.raises(ValueError, match="`grid` must"):
        cells(text)
