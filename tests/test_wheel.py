"""The wheel, installed outside the clone: it brings what it needs, and a short job runs.

Slow: two environments are made, of which one is 2 GB. `SOS_WHEEL` names a wheel to take; one is
built where it does not.
"""

import os
import pathlib
import subprocess
import sys
import venv

import pytest

pytestmark = pytest.mark.slow

ROOT = pathlib.Path(__file__).parents[1]
SHORT = {"STEPS": 4, "EVAL_EVERY": 2, "STEPS_PER_EXECUTION": 1, "BEGIN_STEP": 0, "END_STEP": 2}
PRUNING = {**SHORT, "FREQUENCY": 1, "SPARSITY": 0.9}
GRID = " ".join(f"{name}={value}" for name, value in {**SHORT, "KL_WEIGHT": "1e-4,1e-3"}.items())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel that `SOS_WHEEL` names, else one that is built of the sdist that is built."""
    if "SOS_WHEEL" in os.environ:
        return pathlib.Path(os.environ["SOS_WHEEL"])
    folder = tmp_path_factory.mktemp("dist")
    done = run([sys.executable, "-m", "build", "--outdir", folder, ROOT], folder)
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = folder.glob("*.whl")
    return found


def run(command, folder, **variables):
    """Runs a command in a folder, with nothing of the clone on Python's path."""
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "KERAS_BACKEND")}
    return subprocess.run(
        [*map(str, command)], cwd=folder, env={**kept, **variables}, capture_output=True, text=True
    )


@pytest.fixture
def installed(wheel, tmp_path):
    """Makes an environment with the wheel, its extras and other packages; returns how to run there.

    What is returned takes a command, the first part of which is a program of the environment.
    """

    def install(extras, *packages):
        venv.create(tmp_path / "environment", with_pip=True)
        programs = tmp_path / "environment" / ("Scripts" if os.name == "nt" else "bin")
        pip = [programs / "python", "-m", "pip", "install", "--quiet", f"{wheel}{extras}"]
        done = run([*pip, *packages], tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        folder = tmp_path / "work"
        folder.mkdir()

        def run_there(program, *arguments, **variables):
            return run([programs / program, *arguments], folder, **variables)

        return run_there

    return install


def test_experiments(installed):
    """A run, a sweep of two more, one of them evaluated, and a report: by console commands."""
    run_there = installed("[experiments]")

    def ends_well(*command):
        done = run_there(*command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    bindings = [f"--gin_binding={name} = {value}" for name, value in PRUNING.items()]
    run_flags = ["--gin_file=quickstart/magnitude_pruning.gin", *bindings, "--run_dir=runs/pruned"]
    assert "dry run" in ends_well("sos-train", *run_flags, "--dry_run").lower()
    ends_well("sos-train", *run_flags)
    assert "accuracy" in ends_well("sos-evaluate", "--run_dir=runs/pruned")
    grid = f"--grid=quickstart/variational_dropout.gin {GRID}"
    assert "2 trained." in ends_well("sos-sweep", "--sweep_dir=runs", "--table=runs.csv", grid)
    study = ["--grid=grids/transformer/dense.grid", "--sweep_dir=runs/transformer"]
    assert ends_well("sos-sweep", "--print", *study).count(".bin.train ") == 5
    globs = ["--run_dir=runs/pruned", "--runs_glob=runs/*/*"]
    assert "report.md" in ends_well("sos-report", *globs, "--output_dir=report")
    where = "import state_of_sparsity as s; print(s.__file__, s.schedules.PolynomialDecay)"
    assert "environment" in ends_well("python", "-c", where)


def test_keras_and_jax_alone(installed):
    """Every technique from `sparsify` to the loaded model, and what the programs say there."""
    run_there = installed("", "jax")
    done = run_there("python", "-I", ROOT / "tests" / "wheel_job.py", KERAS_BACKEND="jax")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(done.stdout.splitlines()) >= 5
    for command in (["sos-train"], ["python", "-m", "state_of_sparsity.bin.report"]):
        done = run_there(*command, KERAS_BACKEND="jax")
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert done.stderr.endswith('Run: pip install "state_of_sparsity[experiments]"\n')
