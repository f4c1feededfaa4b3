"""Sweeps whose run directories are kept in an object store: what other machines see of them."""

from state_of_sparsity.analysis.run_table import RunTable
from state_of_sparsity.bin import cell_states, grid, sweep
from state_of_sparsity.bin.outcomes import FAILED, FINISHED, TRAINED
from tests.bin.called_program import called
from tests.stand_in_for_gs import gs  # noqa: F401

GRIDS = [f"quickstart/dense.gin STEPS=2 EVAL_EVERY=1 STEPS_PER_EXECUTION=1 SEED={s}" for s in "01"]
GRIDS.append("quickstart/dense.gin SPARSITY=0.5")


def test_other_machines_see_what_has_become_of_cells(
    gs,  # noqa: F811
    tmp_path,
    monkeypatch,
    capfd,
):
    first, wrong = (grid.all_cells(GRIDS)[i] for i in (0, 2))
    mirror = "gs://mine/runs"

    def outcome(cell, folder):
        return sweep.run_cell(cell, tmp_path / folder, None, f"{mirror}/{cell.directory}").kind

    assert (outcome(first, "one"), outcome(wrong, "one")) == (TRAINED, FAILED)
    path, remote = tmp_path / "one" / wrong.directory, f"{mirror}/{wrong.directory}"
    cell_states.note_failure(path, "nothing uses it", remote)
    assert (gs / "mine/runs" / first.directory / "result.json").exists()
    flags = [f"--sweep_dir={tmp_path}/two", f"--mirror={mirror}/", f"--table={tmp_path}/runs.csv"]
    flags += [f"--grid={line}" for line in GRIDS]
    code, out, _ = called(monkeypatch, capfd, "sweep", "--status", *flags)
    lines = out.splitlines()
    assert code is None
    assert lines[0].endswith("seed_0  finished") and lines[1].endswith("seed_1  not begun")
    assert "sparsity_0.5  failed: nothing uses it" in lines[2]
    assert lines[3] == "3 cells: 1 finished, 1 not begun, 1 failed."
    assert [row["run"] for row in RunTable(tmp_path / "runs.csv").read()] == [first.directory]

    kinds = [outcome(cell, "three") for cell in grid.all_cells(GRIDS)]
    assert kinds == [FINISHED, TRAINED, FAILED]
    _, out, _ = called(monkeypatch, capfd, "sweep", "--status", "--cell=1:", *flags)
    lines = out.splitlines()
    assert lines[0].startswith("    1  ") and lines[0].endswith("seed_1  finished")
    assert lines[1].endswith("not begun")  # begun again, which forgot why it had failed
    assert len(RunTable(tmp_path / "runs.csv").read()) == 2
