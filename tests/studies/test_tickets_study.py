"""The cells of the study on tickets, and what its page makes of their runs."""

import pathlib

import pytest

from state_of_sparsity.bin import configured_experiment, gin_app
from state_of_sparsity.bin.grid import cells as cells_of
from tests.script_folder import imported_as_a_script

STUDY = pathlib.Path(__file__).parents[2] / "studies/tickets"
FILES = [path.relative_to(STUDY.parents[1]).as_posix() for path in sorted(STUDY.rglob("*.gin"))]
# What the commands of the page bind.
BINDINGS = ["SHARE = 0.8", "REWIND_STEP = 390", "SPARSITY = 0.9"]


@pytest.mark.parametrize(
    "file", [f for f in FILES if not f.endswith(("/one_shot.gin", "/base.gin"))]
)
def test_a_cell_is_an_experiment(file, monkeypatch):
    monkeypatch.chdir(STUDY.parents[1])
    text = pathlib.Path(file).read_text(encoding="utf-8")
    bound = [each for each in BINDINGS if each.partition(" ")[0] in _needs(file, text)]
    gin_app.parse([file], bound)
    experiment = configured_experiment.make()
    assert experiment.last_step % experiment.eval_every == 0


def _needs(file, text):
    """Returns the macros that a cell's command binds."""
    needs = {"SHARE"} if "cifar10/one_shot" in text else set()
    needs |= {"REWIND_STEP"} if "late_rewinding" in file else set()
    return needs | ({"SPARSITY"} if file.endswith("magnitude_pruning.gin") else set())


@pytest.fixture
def page(monkeypatch):
    with imported_as_a_script(monkeypatch, STUDY):
        import page

        yield page


def row(run, **figures):
    return {
        "run": run,
        "technique": "fixed_mask",
        "sparsity": 0.9,
        "target_sparsity": 0.9,
        "seed": int(run[-1]),
        "kernels": [],
        **figures,
    }


def test_the_page_finds_every_cell(page, tmp_path):
    import cells

    grids = [f"{STUDY.name}/{folder}" for folder in ("cifar10", "multi30k")]
    assert grids == ["tickets/cifar10", "tickets/multi30k"]
    runs = [
        cell.directory
        for name, axes in (
            ("dense", ""),
            ("fine_tuning", "SHARE=0.95"),
            ("learning_rate_rewinding", "SHARE=0.95"),
            ("late_rewinding", "REWIND_STEP=390,1560 SHARE=0.95"),
            ("lottery_ticket", "SHARE=0.95"),
            ("scratch_e", "SHARE=0.95"),
            ("scratch_b", "SHARE=0.95"),
            ("shuffled_masks_0.95", ""),
        )
        for cell in cells_of(f"studies/tickets/cifar10/{name}.gin {axes} SEED=0,1")
    ]
    rows = [row(run, accuracy=0.5 + int(run[-1]) / 100) for run in runs]
    text = page.parts(rows, tmp_path / "tickets")["cifar10"]
    titles = {line.split("|")[1].strip() for line in text.splitlines()[2:]}
    assert titles == {t for t in cells.VARIANTS.values() if t != "pruned while training"}
    for line in text.splitlines()[2:]:
        assert "50.50 ± 0.71 (2)" in line, line


def test_the_page_finds_the_lengths(page, tmp_path):
    rows = [
        row(f"magnitude_pruning/lenet_300_100/{setting}_seed_0", accuracy=0.9)
        for *_, setting in page._pruned_cells().values()
    ]
    grid = "LENGTH=0.5,1,2,4 SEED=0"
    for sparsity in ("0.9", "0.98"):
        for cell in cells_of(f"studies/tickets/length/scratch_{sparsity}.gin {grid}"):
            rows.append(row(cell.directory, accuracy=0.8))
    lines = page.parts(rows, tmp_path / "tickets")["lengths"].splitlines()[2:]
    assert len(lines) == 4 and not any("- |" in line for line in lines)
