"""The launch scripts: help, wrong arguments, and that they only say what they then do."""

import os
import pathlib
import subprocess

import pytest

LAUNCH = pathlib.Path(__file__).parents[1] / "launch"
SCRIPTS = sorted(path.name for path in LAUNCH.glob("*.sh") if path.name != "environment.sh")


def launch(name, *arguments, **environment):
    return subprocess.run(
        [str(LAUNCH / name), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("name", SCRIPTS)
def test_help_says_how_and_does_nothing(name, tmp_path):
    done = launch(name, "--help", SOS_VENV=str(tmp_path / "environment"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Usage: launch/{name}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_wants_more_rights_than_it_has(name):
    text = (LAUNCH / name).read_text(encoding="utf-8")
    assert "set -euo pipefail" in text
    assert "sudo" not in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give --workers and --index, or --local"),
        (["--local=two", "--run_dir=x"], "--local must be a number"),
        (["--local=0", "--run_dir=x"], "--local must be a number"),
        (["--workers=a:1,b:2", "--run_dir=x"], "--index must be a number from 0"),
        (["--workers=a:1,b:2", "--local=2", "--run_dir=x"], "exclude each other"),
        (["--local=2"], "flags of the training program are missing"),
    ],
)
def test_wrong_arguments_of_several_workers(arguments, message, tmp_path):
    done = launch("multi_worker.sh", *arguments, SOS_VENV=str(tmp_path / "environment"))
    assert done.returncode == 2
    assert message in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def stand_in(tmp_path):
    """Makes an installed environment whose Python is a shell script."""

    def make(script):
        python = tmp_path / "bin" / "python"
        python.parent.mkdir()
        python.write_text(f"#!/bin/sh\n{script}\n")
        python.chmod(0o755)
        setup = (LAUNCH.parent / "setup.py").read_bytes()
        done = subprocess.run(["cksum"], input=setup, capture_output=True)
        checksum = done.stdout.decode().strip()
        (tmp_path / ".installed").write_text(f"experiments {checksum} {LAUNCH.parent}\n")
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("status", "ends_with", "message"),
    [(2, 2, "ended with the error above"), (9, 1, "Run the same command to go on")],
)
def test_a_worker_that_ends_ends_all(stand_in, status, ends_with, message):
    place = stand_in(f'if [ "$1" = - ]; then echo a:1,b:2; else exit {status}; fi')
    done = launch("multi_worker.sh", "--local=2", "--run_dir=x", SOS_VENV=str(place))
    assert done.returncode == ends_with
    assert done.stderr.count("Error: ") == 1 and message in done.stderr


def test_each_worker_is_told_its_place(stand_in):
    """With a stand-in for Python that prints what it is given."""
    place = stand_in('echo "$TF_CONFIG $*"')
    arguments = ["--workers=a:1,b:2", "--index=1", "--gin_binding=SPARSITY = 0.9"]
    done = launch("multi_worker.sh", *arguments, SOS_VENV=str(place))
    assert done.returncode == 0, done.stderr
    config = '{"cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "worker", "index": 1}}'
    command = "-m state_of_sparsity.bin.train --strategy=multi_worker --gin_binding=SPARSITY = 0.9"
    lines = done.stdout.splitlines()
    assert lines[-1] == f"{config} {command}"
    assert lines[-3] == f"==> TF_CONFIG='{config}'" and lines[-2].startswith("==> Running: ")
