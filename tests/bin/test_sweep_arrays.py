"""A sweep's cells shared among tasks of an array, which may be killed and started again."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from state_of_sparsity.analysis.run_table import RunTable
from state_of_sparsity.bin import outcomes, sweep
from state_of_sparsity.bin.outcomes import Outcome
from tests.bin.called_program import called

SEEDS = ",".join(map(str, range(12)))


def fake_cell(cell, directory, data_dir, mirror):
    """Writes a finished run; seed 4's first worker is killed, and seed 6 fails."""
    path = directory / cell.directory
    (seed,) = (int(value) for name, value in cell.settings if name == "SEED")
    if (path / "result.json").exists():
        return Outcome(outcomes.FINISHED, "finished before, left alone")
    if seed == 4 and not (directory / "killed").exists():
        (directory / "killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if seed == 6:
        return Outcome(outcomes.FAILED, "FAILED: The loss is no number.")
    path.mkdir(parents=True)
    (path / "config.gin").write_text(f"SEED = {seed}\n")
    (path / "report.csv").write_text("path,technique,shape,size,nonzero\na/kernel,dense,2,2,2\n")
    result = {"technique": "dense", "sparsity": 0.0, "steps": 10, "seed": seed, "accuracy": 0.5}
    (path / "result.json").write_text(json.dumps(result))
    return Outcome(outcomes.TRAINED, "")


@pytest.fixture
def run(tmp_path, monkeypatch, capfd):
    """Returns a function that runs the sweep with more flags, in `tmp_path`."""
    monkeypatch.setattr(sweep, "run_cell", fake_cell)
    flags = [f"--sweep_dir={tmp_path}", f"--table={tmp_path}/runs.csv", "--workers=1"]
    flags.append(f"--grid=quickstart/dense.gin SEED={SEEDS}")
    return lambda *more: called(monkeypatch, capfd, "sweep", *flags, *more)


def test_three_tasks_one_killed_and_started_again_give_each_row_once(run, tmp_path):
    codes = [run(f"--cell={task}::3")[0] for task in range(3)]
    assert codes == [2, 2, None]  # seeds 6 and 4
    _, out, _ = run("--status")
    lines = out.splitlines()
    assert lines[-1] == "12 cells: 8 finished, 2 failed, 2 not begun."
    assert lines[4].startswith("    4  dense/seed_4  failed: worker process")
    assert "SIGKILL" in lines[4]
    assert lines[6] == "    6  dense/seed_6  failed: The loss is no number"
    assert lines[7] == "    7  dense/seed_7  not begun"
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("result.json")}
    code, out, _ = run("--cell=1::3")
    assert code is None and "3 trained" in out and "1 finished before" in out
    assert {p: p.stat().st_mtime_ns for p in before} == before
    rows = RunTable(tmp_path / "runs.csv").read()
    assert sorted(row["seed"] for row in rows) == [seed for seed in range(12) if seed != 6]
    assert run("--status")[1].splitlines()[-1] == "12 cells: 11 finished, 1 failed."


def test_the_table_is_made_again_of_what_is_finished(run, tmp_path):
    run("--cell=0:4")
    rows = RunTable(tmp_path / "runs.csv").read()
    (tmp_path / "runs.csv").unlink()
    code, out, err = run("--status")
    assert (code, err) == (None, "")
    assert out.splitlines()[-1] == "12 cells: 4 finished, 8 not begun."
    assert RunTable(tmp_path / "runs.csv").read() == rows


def wait_until(true, seconds=300):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow  # three processes with TensorFlow; the suite has the same with cells made up
@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_three_tasks_at_once_one_killed_train_each_cell_once(tmp_path):
    flags = [f"--sweep_dir={tmp_path}", f"--table={tmp_path}/runs.csv", "--workers=1"]
    short = "STEPS=30 EVAL_EVERY=1 STEPS_PER_EXECUTION=1"
    flags.append(f"--grid=quickstart/dense.gin {short} SEED={SEEDS}")

    def task(index):
        return subprocess.Popen(
            [sys.executable, "-m", "state_of_sparsity.bin.sweep", *flags, f"--cell={index}::3"],
            cwd=pathlib.Path(sweep.__file__).parents[2],
            stdout=subprocess.DEVNULL,
        )

    def runs(name):
        found = tmp_path.glob(f"dense/*/{name}")
        return [path.parent for path in found if int(path.parent.name.split("_")[-1]) % 3 == 1]

    tasks = [task(index) for index in range(3)]
    try:
        # In the midst of its second cell.
        wait_until(lambda: runs("result.json") and len(runs("run.json")) > len(runs("result.json")))
        tasks[1].kill()
        tasks[1].wait()
        finished = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("result.json")}
        assert len(finished) < 12
        tasks.append(task(1))
        assert [t.wait(300) for t in tasks] == [0, -signal.SIGKILL, 0, 0]
    finally:
        for each in tasks:
            each.kill()
            each.wait()
    rows = RunTable(tmp_path / "runs.csv").read()
    assert sorted(row["seed"] for row in rows) == list(range(12))
    assert {p: p.stat().st_mtime_ns for p in finished} == finished
    for path in tmp_path.glob("dense/*/metrics.jsonl"):
        steps = [json.loads(line)["step"] for line in path.read_text().splitlines()]
        assert steps == list(range(1, 31))
