"""How long a run takes to begin: from the start of Python to its first step.

    python benchmarks/start_up.py --against=../other_checkout

Starts `bin/train.py` on the quickstart's gin files, a new process each time, and ends it after the
first call of the training function. With `--against`, another checkout of this repository takes
turns with this one. Processor time counts, which other work on the machine leaves alone; the wall
clock is shown beside it.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from results import print_table, write

HERE = pathlib.Path(__file__).resolve().parents[1]
# Gin files of the quickstart, and what they need to be told.
RUNS = {
    "dense": (),
    "magnitude_pruning": ("SPARSITY = 0.9",),
    "random_pruning": ("SPARSITY = 0.9",),
    "variational_dropout": ("KL_WEIGHT = 8e-5",),
    "l0_regularization": ("L0_WEIGHT = 4e-3",),
    "transformer_dense": (),
    "transformer_magnitude_pruning": ("SPARSITY = 0.9",),
}
# A callback of the run, which says when its first step begins and ends: CPU and wall seconds.
CALLBACK = """
import os, time
import keras
class FirstStep(keras.callbacks.Callback):
    def on_train_batch_begin(self, batch, logs=None):
        self.begin = time.process_time(), time.time()
    def on_train_batch_end(self, batch, logs=None):
        print("FIRST_STEP", *self.begin, time.process_time(), time.time(), flush=True)
        os._exit(0)
"""
GIN = """
from __gin__ import dynamic_registration
import first_step
from state_of_sparsity.training import experiment
experiment.Experiment.callbacks = [@first_step.FirstStep()]
"""


def main():
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", type=pathlib.Path, help="another checkout")
    parser.add_argument("--only", nargs="*", default=list(RUNS), help=f"some of {list(RUNS)}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", help="JSON file")
    arguments = parser.parse_args()
    trees = [HERE, *filter(None, [arguments.against])]
    times = {(name, tree): [] for name in arguments.only for tree in trees}
    import_only = []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "first_step.py").write_text(CALLBACK)
        (folder / "first_step.gin").write_text(GIN)
        for number in range(arguments.rounds):
            import_only.append(keras_alone())
            for name, tree in times:
                times[name, tree].append(start(tree, name, folder, folder / f"{len(times)}"))
            print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr, flush=True)
    medians = {
        key: [statistics.median(column) for column in zip(*found, strict=True)]
        for key, found in times.items()
    }
    report(medians, arguments.only, trees, statistics.median(import_only))
    named = {f"{tree.name}: {name}": found for (name, tree), found in times.items()}
    parameters = {"rounds": arguments.rounds}
    write(arguments.output, "start_up", parameters, seconds=named, keras_alone=import_only)


def start(tree, name, folder, run_dir):
    """Returns CPU and wall seconds to the begin of the first step, and to its end."""
    command = [sys.executable, "-m", "state_of_sparsity.bin.train", f"--run_dir={run_dir}"]
    command += [f"--gin_file=quickstart/{name}.gin", f"--gin_file={folder / 'first_step.gin'}"]
    command += [f"--gin_binding={binding}" for binding in RUNS[name]]
    path = os.pathsep.join(map(str, (tree, folder)))
    begin = time.time()
    done = subprocess.run(
        command, cwd=folder, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("FIRST_STEP")]
    if not lines:
        raise RuntimeError(f"{' '.join(command)} took no step:\n{done.stderr[-2000:]}")
    cpu, wall, cpu_end, wall_end = map(float, lines[0].split()[1:])
    return cpu, wall - begin, cpu_end, wall_end - begin


def keras_alone():
    """Returns the CPU seconds of importing TensorFlow and Keras without what they can do without.

    No run can begin sooner.
    """
    code = "import sys; sys.modules.update(dict.fromkeys(['jax', 'matplotlib', 'sklearn']))\n"
    code += "import keras, time; print(time.process_time())"
    return float(subprocess.check_output([sys.executable, "-c", code], text=True, stderr=-3))


def report(medians, names, trees, import_only):
    """Prints the medians, and the ratio to the other checkout."""
    rows = []
    for name in names:
        for index, when in ((0, "begins"), (2, "is done")):
            figures = [medians[name, tree] for tree in trees]
            row = [f"{name}, first step {when}"]
            row += [f"{each[index]:.2f} ({each[index + 1]:.2f})" for each in figures]
            if len(trees) > 1:
                row.append(f"{figures[0][index] / figures[1][index]:.2f}")
            rows.append(row)
    print_table(["CPU seconds (wall)", "here", *["against", "ratio"][: 2 * len(trees) - 2]], rows)
    print(f"TensorFlow and Keras alone: {import_only:.2f} CPU seconds")


if __name__ == "__main__":
    main()
