"""Files of grids, and those of the package: what the study tried."""

import pytest

from state_of_sparsity.bin import gin_app, grid, grid_file

# How many settings the study tried, where all are published; a full grid of them where not.
CELLS = {
    "resnet50/dense": 3,
    "resnet50/magnitude_pruning": 6 * 54,
    "resnet50/random_pruning": 6 * 54,
    "resnet50/variational_dropout": 180,
    "resnet50/l0_regularization": 324,
    "transformer/dense": 5,
    "transformer/magnitude_pruning": 504,
    "transformer/random_pruning": 630,
    "transformer/variational_dropout": 372,
    "transformer/l0_regularization": 930,
}


def test_the_package_has_the_grids_of_the_study():
    folder = gin_app.gin_configs() / "grids"
    names = {str(p.relative_to(folder).with_suffix("")) for p in folder.rglob("*.grid")}
    assert names == {*CELLS}


@pytest.mark.parametrize("name", CELLS)
def test_a_grid_of_the_study(name):
    lines = grid_file.lines([f"grids/{name}.grid"])
    cells = grid.all_cells(lines)
    assert len(cells) == CELLS[name]
    assert {cell.gin_file for cell in cells} == {f"{name}.gin"}
    assert {tuple(name for name, _ in cell.settings) for cell in cells} == {
        tuple(name for name, _ in cells[0].settings)
    }
    gin_app.parse([cells[-1].gin_file], cells[-1].bindings)  # every macro is one of the gin file's
    for cell in cells:
        of = dict(cell.settings)
        if "FREQUENCY" in of:
            steps, left = divmod(int(of["END_STEP"]) - int(of["BEGIN_STEP"]), int(of["FREQUENCY"]))
            assert steps > 0 and left == 0  # or the schedule would not reach its end


def test_lines_of_a_file_with_more_axes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.grid").write_text("# Mine.\n\na.gin X=1,2\n  b.gin\n")
    found = grid_file.lines(["c.gin Y=1", "mine.grid SEED=0,1", f"{tmp_path}/mine.grid"])
    assert found == ["c.gin Y=1", "a.gin X=1,2 SEED=0,1", "b.gin SEED=0,1", "a.gin X=1,2", "b.gin"]
    with pytest.raises(ValueError, match=r"each macro once. Received: 'a.gin X=1,2 X=3'"):
        grid.all_cells(grid_file.lines(["mine.grid X=3"]))


@pytest.mark.parametrize(
    ("content", "said"), [(b"# none\n", "a grid a line"), (b"\xff", "of text"), (None, "is there")]
)
def test_a_file_without_grids(tmp_path, content, said):
    path = tmp_path / "a.grid"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"`grid` must name a file.*{said}.*Received: .*a\.grid"):
        grid_file.lines([str(path)])
