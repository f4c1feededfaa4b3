import contextlib
import errno
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import pytest

from state_of_sparsity.analysis.run_table import RunTable
from state_of_sparsity.bin import grid, outcomes, sweep
from state_of_sparsity.bin.outcomes import Outcome
from state_of_sparsity.errors import UsageError
from state_of_sparsity.training.runs.run_dir import RunDir

SHORT = "STEPS=2 EVAL_EVERY=2 STEPS_PER_EXECUTION=1"


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """Runs three cells, one of them wrong, in one worker process."""
    directory = tmp_path_factory.mktemp("sweep")
    cells = [
        *grid.cells(f"quickstart/dense.gin {SHORT} SEED=0,1"),
        *grid.cells(f"quickstart/dense.gin {SHORT} SPARSITY=0.5"),
    ]
    return (
        directory,
        cells,
        sweep.sweep(cells, directory, workers=1, table=RunTable(directory / "runs.csv")),
    )


def test_every_cell_has_its_run_and_a_wrong_one_does_not_stop_the_others(swept):
    directory, cells, failed = swept
    (said,) = failed
    assert said.startswith(f"{cells[2].directory}: The macro SPARSITY is given but nothing uses it")
    results = [directory / cell.directory / "result.json" for cell in cells]
    assert [path.exists() for path in results] == [True, True, False]
    assert [json.loads(path.read_text())["seed"] for path in results[:2]] == [0, 1]
    assert len(list(directory.glob("worker_*.log"))) == 1


def test_cells_are_independent_of_what_ran_before_in_the_process(swept, tmp_path):
    directory, cells, _ = swept
    outcome = sweep.run_cell(cells[1], tmp_path, data_dir=None)
    assert outcome.kind == sweep.TRAINED
    assert outcome.text.startswith("sparsity 0.0000  accuracy ")
    metrics = [path / cells[1].directory / "metrics.csv" for path in (directory, tmp_path)]
    assert metrics[0].read_text() == metrics[1].read_text()


def test_a_finished_cell_is_left_alone_and_a_wrong_one_says_why(swept):
    directory, cells, _ = swept
    outcome = sweep.run_cell(cells[0], directory, None)
    assert outcome == Outcome(sweep.FINISHED, "finished before, left alone")
    outcome = sweep.run_cell(cells[2], directory, None)
    assert outcome.kind == sweep.FAILED
    assert outcome.text.startswith("FAILED: The macro SPARSITY is given but nothing uses it")


def test_a_cell_that_another_process_runs_is_running_elsewhere(swept, tmp_path):
    _, cells, _ = swept
    with RunDir(tmp_path / cells[0].directory).lock():
        outcome = sweep.run_cell(cells[0], tmp_path, None)
        assert [path.name for path in (tmp_path / cells[0].directory).iterdir()] == ["lock"]
    expected = f"running elsewhere (process {os.getpid()})"
    assert outcome == Outcome(sweep.ELSEWHERE, expected)


def test_a_cell_that_another_process_finishes_meanwhile_is_left_alone(swept, tmp_path, monkeypatch):
    directory, cells, _ = swept
    run_dir = tmp_path / cells[0].directory
    shutil.copytree(directory / cells[0].directory, run_dir)
    before = (run_dir / "result.json").rename(run_dir / "result")
    lock = RunDir.lock

    @contextlib.contextmanager
    def had_late(self):
        with lock(self):
            before.rename(run_dir / "result.json")  # by who held it until now
            yield

    monkeypatch.setattr(RunDir, "lock", had_late)
    text = before.read_text()
    assert sweep.run_cell(cells[0], tmp_path, None).kind == sweep.FINISHED
    assert (run_dir / "result.json").read_text() == text


def fake_cell(cell, directory, data_dir, mirror):
    """Does what the cell's name says; `meanwhile` runs elsewhere when it is asked first."""
    name = cell.settings[0][1]
    (directory / f"began_{name}_{os.getpid()}").touch()
    if name == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if name == "slow":
        time.sleep(600)
    if name == "elsewhere" or (name == "meanwhile" and not (directory / "asked").exists()):
        (directory / ("asked" if name == "meanwhile" else "waits")).touch()
        return Outcome(sweep.ELSEWHERE, "running elsewhere (process 7)")
    if name == "crashed":
        return Outcome(sweep.CRASHED, "CRASHED: KeyError('a')")
    return Outcome(sweep.TRAINED, name)


def fake_cells(*names):
    return [grid.Cell("quickstart/dense.gin", (("SEED", name),)) for name in names]


@pytest.fixture
def fakes(monkeypatch):
    """Has sweeps run fake cells."""
    monkeypatch.setattr(sweep, "run_cell", fake_cell)


def test_a_mistake_of_ours_ends_a_sweep_as_one_when_the_others_are_done(fakes, tmp_path, capfd):
    cells = fake_cells("crashed", "trained")
    with pytest.raises(
        RuntimeError, match=r"1 of 2 runs crashed, dense/seed_crashed: CRASHED: Key"
    ):
        sweep.sweep(cells, tmp_path, workers=1)
    assert "1 crashed, 1 trained." in capfd.readouterr().out


def test_what_crashes_a_cell_is_in_the_log_of_its_worker(tmp_path, monkeypatch, capsys):
    def fail(*_, **__):
        raise KeyError("a mistake")

    monkeypatch.setattr(outcomes.train, "run", fail)
    outcome = sweep.run_cell(fake_cells("0")[0], tmp_path, None)
    assert outcome.kind == sweep.CRASHED
    assert outcome.text.startswith("CRASHED: KeyError('a mistake'), a mistake of ours: ")
    assert "Traceback" in capsys.readouterr().err


def test_cells_that_run_elsewhere_are_asked_again_and_no_failures(fakes, tmp_path, capfd):
    cells = fake_cells("elsewhere", "meanwhile", "trained")
    assert sweep.sweep(cells, tmp_path, workers=1) == []
    out = capfd.readouterr().out
    assert "    dense/seed_elsewhere  running elsewhere (process 7), asked again at the end" in out
    assert "[1/3] dense/seed_trained" in out
    assert "[2/3] dense/seed_elsewhere  running elsewhere (process 7)" in out
    assert "[3/3] dense/seed_meanwhile  meanwhile" in out
    assert "2 trained, 1 running elsewhere. Run the same command once those have ended." in out


def test_what_is_not_in_the_table_is_a_failure(fakes, tmp_path, capfd, monkeypatch):
    def full(self, rows):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(RunTable, "add", full)
    monkeypatch.setattr(outcomes.results, "read_run", lambda path: None)
    monkeypatch.setattr(sweep.run_table, "row", lambda run, name: {})
    cells = fake_cells("trained")
    assert sweep.sweep(cells, tmp_path, workers=1, table=RunTable(tmp_path / "t.csv")) != []
    assert "NOT IN THE TABLE: No space left on device. Free some space" in capfd.readouterr().out


def test_a_worker_that_is_killed_is_one_line_that_says_which_cells_ran(fakes, tmp_path):
    cells = fake_cells("slow", "killed", "trained")
    begin = time.monotonic()
    with pytest.raises(UsageError) as caught:
        sweep.sweep(cells, tmp_path, workers=2)
    assert time.monotonic() - begin < 20
    said = str(caught.value)
    for what in ("SIGKILL", "it ran dense/seed_killed", "others ran dense/seed_slow", "`workers`"):
        assert what in said
    assert f"see {tmp_path}/worker_" in said
    assert not list(tmp_path.glob("began_trained_*"))


@pytest.mark.parametrize(
    ("number", "error", "said"),
    [
        (signal.SIGINT, KeyboardInterrupt, "1 of 3 runs are done; those that were running go on"),
        (signal.SIGTERM, SystemExit, "Ended by a signal. Run the same command to go on."),
    ],
)
def test_an_interrupted_sweep_ends_and_says_how_far_it_is(
    fakes, tmp_path, capfd, monkeypatch, number, error, said
):
    monkeypatch.setattr(sweep, "SECONDS_BETWEEN_REPORTS", 1)

    def interrupt(path):
        if path.name == "seed_slow":  # the first has been trained, however long its worker took
            os.kill(os.getpid(), number)

    monkeypatch.setattr(sweep, "_progress", interrupt)
    begin = time.monotonic()
    with pytest.raises(error) as caught:
        sweep.sweep(fake_cells("trained", "slow", "never"), tmp_path, workers=1)
    assert time.monotonic() - begin < 20
    assert caught.value.args == (() if number == signal.SIGINT else (143,))
    assert said in capfd.readouterr().err
    assert not list(tmp_path.glob("began_never_*"))


def test_every_finished_cell_is_a_line_of_the_table(swept):
    directory, cells, _ = swept
    rows = RunTable(directory / "runs.csv").read()
    assert [row["run"] for row in rows] == [cell.directory for cell in cells[:2]]
    for row in rows:
        result = json.loads((directory / row["run"] / "result.json").read_text())
        assert (row["seed"], row["commit"]) == (result["seed"], result["commit"])
        assert row["accuracy"] == pytest.approx(result["accuracy"])
        assert sum(kernel["nonzero"] for kernel in row["kernels"]) == result["nonzero"]


def test_how_far_a_run_is(tmp_path):
    assert sweep._progress(tmp_path) is None
    path = tmp_path / "progress.jsonl"
    for line in ('{"elapsed_s": 1.0, "phase": "training"}', "5", '{"step": 1}', '{"step":', "null"):
        path.write_text(line + "\n")
        assert sweep._progress(tmp_path) is None
    path.write_text('{"step": 1500, "steps": 3000, "eta_s": 12.3}\n')
    assert sweep._progress(tmp_path).endswith("  step 1,500 of 3,000  ETA 12 s")


def alive(session):
    """Returns the processes of a session that live, some seconds after they should not."""
    deadline = time.monotonic() + 5
    while True:
        listed = subprocess.run(["ps", "-eo", "sess,stat,args"], capture_output=True, text=True)
        rows = [line.split(maxsplit=2) for line in listed.stdout.splitlines()[1:]]
        found = [args for sess, stat, args in rows if sess == str(session) and stat[0] != "Z"]
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


@pytest.mark.slow  # the suite has what is said, and processes that end with their workers
@pytest.mark.skipif(os.name == "nt", reason="sessions of processes")
def test_ctrl_c_ends_a_sweep_within_seconds_and_begins_no_run(tmp_path):
    grid_of_long_runs = (
        "quickstart/dense.gin STEPS=1000000 EVAL_EVERY=20 STEPS_PER_EXECUTION=20 SEED=0,1,2,3"
    )
    flags = [f"--sweep_dir={tmp_path}", "--workers=2", f"--grid={grid_of_long_runs}"]
    command = [sys.executable, "-m", "state_of_sparsity.bin.sweep", *flags]
    process = subprocess.Popen(
        command,
        cwd=pathlib.Path(sweep.__file__).parents[2],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 120
        while len(list(tmp_path.glob("dense/*/metrics.csv"))) < 2:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.2)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        _, said = process.communicate(timeout=15)
        left = alive(process.pid)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stderr.close()
    assert process.returncode == 130
    assert said.split("\n") == [
        "",
        "0 of 4 runs are done; those that were running go on from their last checkpoint.",
        "",
        "Interrupted. Run the same command to go on.",
        "",
    ]
    assert left == []
    assert len(list(tmp_path.glob("dense/*"))) == 2
