"""Whether two commits compute the same: runs of fixed seeds, compared bit for bit.

    python benchmarks/compare_commits.py HEAD~1 HEAD

Each commit is checked out in a folder of its own and trains the same short runs there by
`bin/train.py`. Compared are the arrays of the last checkpoint (weights, masks, optimizer, seeds),
and the cells of metrics.csv, report.csv and result.json whose columns both have; what only one has
is said. For every rearrangement that must leave results as they are. Two minutes a commit.
"""

import argparse
import csv
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

SHORT = {"STEPS": 20, "EVAL_EVERY": 10, "STEPS_PER_EXECUTION": 5}
PRUNED = SHORT | {"SPARSITY": 0.9, "BEGIN_STEP": 0, "END_STEP": 15, "FREQUENCY": 5}
RAMPED = SHORT | {"BEGIN_STEP": 0, "END_STEP": 10}
TEXT = {"SENTENCES": 2000, "HIDDEN_DIM": 32, "INTERMEDIATE_DIM": 64, "TOKENS": 512}
TEXT |= {"BEAM_SIZE": 1, "DROPOUT": 0.1}
# What macros and columns were called before, for commits that call them so.
BEFORE = {"HIDDEN_DIM": "HIDDEN", "INTERMEDIATE_DIM": "FILTER", "BEAM_SIZE": "BEAM"}
BEFORE |= {"token_accuracy": "word_accuracy", "val_token_accuracy": "val_word_accuracy"}
# Name of a run: its gin file and bindings.
RUNS = {
    "dense": ("quickstart/dense.gin", SHORT),
    "magnitude_pruning": ("quickstart/magnitude_pruning.gin", PRUNED),
    "random_pruning": ("quickstart/random_pruning.gin", PRUNED),
    "variational_dropout": ("quickstart/variational_dropout.gin", RAMPED | {"KL_WEIGHT": 1e-4}),
    "l0_regularization": ("quickstart/l0_regularization.gin", RAMPED | {"L0_WEIGHT": 1e-2}),
    "global_threshold": ("@distributions.global_magnitude", PRUNED),
    "erdos_renyi_kernel": ("@distributions.erdos_renyi_kernel_magnitude", PRUNED),
    "transformer_magnitude": ("quickstart/transformer_magnitude_pruning.gin", PRUNED | TEXT),
    "transformer_l0": (
        "quickstart/transformer_l0_regularization.gin",
        RAMPED | TEXT | {"L0_WEIGHT": 1e-2},
    ),
    "transformer_variational": (
        "quickstart/transformer_variational_dropout.gin",
        RAMPED | TEXT | {"KL_WEIGHT": 1e-4},
    ),
}
DISTRIBUTED = """from __gin__ import dynamic_registration
import tensorflow_model_optimization as tfmot
from state_of_sparsity import distributions
from state_of_sparsity.training import experiment
include "quickstart/dense.gin"
SPARSITY = None
BEGIN_STEP = None
END_STEP = None
FREQUENCY = None
experiment.Experiment.rules = [("", {0}())]
{1}.schedule = @tfmot.sparsity.keras.PolynomialDecay()
include "schedules/cubic.gin"
"""
# What tells one run from another, and not what it computed.
LEFT_OUT = ("wall_time_s", "commit", "version", "config_hash", "settings")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("commits", nargs=2, metavar="COMMIT", help="as git names it")
    parser.add_argument("--runs", nargs="+", choices=RUNS, default=list(RUNS), help="all if none")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folders = [pathlib.Path(folder) / side for side in ("first", "second")]
        for commit, runs in zip(arguments.commits, folders, strict=True):
            train_all(commit, runs, arguments.runs)
        different = compare_all(*folders, arguments.runs)
    print(f"{len(arguments.runs)} runs, {len(different)} of them different.")
    sys.exit(1 if different else 0)


def train_all(commit, runs, names):
    """Trains runs with the code of a commit, each in a folder of its name."""
    root = pathlib.Path(__file__).resolve().parents[1]
    clone = runs.with_name(f"{runs.name}_clone")
    git = ["git", "-C", str(root), "worktree"]
    subprocess.run([*git, "add", "--detach", "--quiet", str(clone), commit], check=True)
    try:
        for number, name in enumerate(names, start=1):
            begin = time.monotonic()
            process = {"cwd": clone, "env": _environment(clone), "text": True}
            done = subprocess.run(_command(name, runs, clone), capture_output=True, **process)
            if done.returncode:
                sys.exit(f"{commit}: {name} ended with {done.returncode}:\n{done.stderr}")
            seconds = time.monotonic() - begin
            print(f"{commit}: {name}, {number} of {len(names)}, {seconds:.0f} s", flush=True)
    finally:
        subprocess.run([*git, "remove", "--force", str(clone)], check=True)


def _command(name, runs, clone):
    gin_file, bindings = RUNS[name]
    if gin_file.startswith("@"):
        runs.mkdir(exist_ok=True)
        path = runs / f"{name}.gin"
        path.write_text(DISTRIBUTED.format(gin_file, gin_file[1:]), encoding="utf-8")
        gin_file = path
    flags = [f"--gin_file={gin_file}", f"--run_dir={runs / name}", "--strategy=one_device"]
    macros = "".join(path.read_text("utf-8") for path in clone.glob("gin_configs/**/*.gin"))
    for macro, value in bindings.items():
        known = macro if f"\n{macro} = " in macros else BEFORE.get(macro, macro)
        flags.append(f"--gin_binding={known} = {value}")
    return [sys.executable, "-m", "state_of_sparsity.bin.train", *flags]


def _environment(clone):
    # In one thread, so that sums have one order.
    threads = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
    return {**os.environ, "PYTHONPATH": str(clone), **dict.fromkeys(threads, "1")}


def compare_all(first, second, names):
    """Returns the runs that differ, and prints in what."""
    different = []
    for name in names:
        found = list(differences(first / name, second / name))
        print(f"{name}: {'; '.join(found) or 'equal'}", flush=True)
        if any(not text.startswith("only in") for text in found):
            different.append(name)
    return different


def differences(first, second):
    """Yields a sentence for everything that two run directories do not have alike."""
    yield from _arrays(_last_checkpoint(first), _last_checkpoint(second))
    for file in ("metrics.csv", "report.csv", "result.json"):
        yield from _rows(file, _read(first / file), _read(second / file))


def _last_checkpoint(run_dir):
    path = max((run_dir / "checkpoints").glob("step_*.npz"))
    with np.load(path, allow_pickle=False) as archive:
        return [archive[name] for name in archive.files if name != "header"]


def _arrays(first, second):
    if len(first) != len(second):
        yield f"{len(first)} arrays in the checkpoint, and {len(second)}"
        return
    unequal = [
        i
        for i, (a, b) in enumerate(zip(first, second, strict=True))
        if (a.shape, a.dtype) != (b.shape, b.dtype) or a.tobytes() != b.tobytes()
    ]
    if unequal:
        yield f"{len(unequal)} of {len(first)} arrays of the checkpoint differ, first {unequal[0]}"


def _read(path):
    """Returns the rows of a CSV file, or the one of a JSON file, by what columns are called now."""
    text = path.read_text(encoding="utf-8")
    rows = [json.loads(text)] if path.suffix == ".json" else csv.DictReader(text.splitlines())
    now = {before: name for name, before in BEFORE.items()}
    return [{now.get(name, name): value for name, value in row.items()} for row in rows]


def _rows(file, first, second):
    if len(first) != len(second):
        yield f"{file} has {len(first)} rows, and {len(second)}"
        return
    columns = [set().union(*rows) - set(LEFT_OUT) for rows in (first, second)]
    for side, alone in (("first", columns[0] - columns[1]), ("second", columns[1] - columns[0])):
        if alone:
            yield f"only in {side}: {', '.join(sorted(alone))} of {file}"
    for name in sorted(columns[0] & columns[1]):
        if [row.get(name) for row in first] != [row.get(name) for row in second]:
            yield f"{name} of {file} differs: {first[-1].get(name)} and {second[-1].get(name)}"


if __name__ == "__main__":
    main()
