"""Rounds killed and started again end bit for bit as those that were not."""

import json
import os
import signal
import time

import numpy as np
import pytest

from state_of_sparsity import atomic_write
from state_of_sparsity.bin import rounds
from state_of_sparsity.bin.round_recipe import Recipe
from tests.killed_processes import context, exit_code

FILES = ["quickstart/dense.gin"]
BINDINGS = ["STEPS = 6", "EVAL_EVERY = 2", "STEPS_PER_EXECUTION = 1"]


class Killed(BaseException):
    """Ends rounds as SIGKILL would: nothing catches it."""


def run(path, recipe):
    """Runs rounds in this process."""
    rounds.run(FILES, BINDINGS, path, recipe)


@pytest.fixture(scope="module")
def processes():
    return context()


def in_new_process(processes, *arguments):
    return exit_code(processes, run, *arguments)


def contents(directory):
    """Returns all that runs leave but times: text, results and arrays, by path."""
    found = {}
    for path in sorted(directory.rglob("*")):
        name = path.relative_to(directory).as_posix()
        if path.suffix in (".csv", ".jsonl", ".md", ".txt", ".gin") and path.stem != "progress":
            found[name] = path.read_text().replace(str(directory), "")
        elif path.name in ("result.json", "run.json"):
            entries = json.loads(path.read_text())
            found[name] = {k: v for k, v in entries.items() if k != "wall_time_s"}
        elif path.suffix == ".npz":
            with np.load(path) as file:
                arrays = {key: file[key].tobytes() for key in file.files if key != "header"}
            found[name] = arrays
        elif path.suffix == ".keras":
            found[name] = path.stat().st_size
        assert not path.name.startswith(".tmp-"), path
    return found


@pytest.mark.slow
def test_rounds_killed_while_they_write(tmp_path, monkeypatch):
    recipe, replace = Recipe(rounds=1, rewind_step=2), os.replace
    run(tmp_path / "0", recipe)
    whole = contents(tmp_path / "0")
    assert len([name for name in whole if "/snapshots/" in name]) == 3 + 2
    for moment in (
        "round_00/snapshots/step_00000002.npz",
        "round_01/checkpoints/step_00000004.npz",
    ):

        def die_or_replace(source, target, moment=moment):
            if os.fspath(target).endswith(moment):
                raise Killed
            replace(source, target)

        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(atomic_write.os, "replace", die_or_replace)
            run(tmp_path / "1", recipe)
    run(tmp_path / "1", recipe)
    assert contents(tmp_path / "1") == whole


@pytest.mark.slow
@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(rounds=3, rewind_step=2, reinitializations=1),
        Recipe(rounds=3, variant="learning_rate_rewinding"),
        Recipe(rounds=3, variant="fine_tuning", final_rate=1e-3, by_layer=True),
    ],
    ids=lambda recipe: recipe.variant,
)
def test_rounds_killed_at_random_moments(tmp_path, processes, recipe):
    begin = time.monotonic()
    assert in_new_process(processes, tmp_path / "0", recipe) == 0
    duration = time.monotonic() - begin
    whole = contents(tmp_path / "0")
    kills = finished = 0
    # Mostly long before the end, so that a directory is killed several times.
    for moment in np.random.default_rng(1).uniform(0.0, 0.6, size=60):
        path = tmp_path / str(finished + 1)
        process = processes.Process(target=run, args=(path, recipe))
        process.start()
        process.join(moment * duration)
        process.kill()
        process.join()
        kills += process.exitcode == -signal.SIGKILL
        if process.exitcode == 0:
            assert contents(path) == whole
            finished += 1
        if kills == 20:
            break
    assert in_new_process(processes, path, recipe) == 0
    assert contents(path) == whole
    assert kills == 20
