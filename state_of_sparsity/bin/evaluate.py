"""Evaluates a run, or a model on the data of a gin configuration; the paper's counts with it.

    python -m state_of_sparsity.bin.evaluate --run_dir=runs/one --thresholds=0,0.5,1
    python -m state_of_sparsity.bin.evaluate --model=model.keras --gin_file=quickstart/dense.gin

A run is stripped of its technique first, and left as it is.
"""

import json
import math

from absl import flags

from state_of_sparsity import atomic_write, output_path
from state_of_sparsity.bin import configured_experiment, figures, gin_app, saved_run
from state_of_sparsity.errors import UsageError

FLAGS = flags.FLAGS

SPLITS = ("test", "validation")


def main(_):
    """Runs the program; the flags are described by `--help`."""
    if bool(FLAGS.run_dir) == bool(FLAGS.model):
        raise UsageError(
            "Either `run_dir` or `model` must be given: --run_dir=DIRECTORY, or --model=FILE.keras "
            f"with a gin_file. Received: {'both' if FLAGS.model else 'neither'}."
        )
    thresholds = parse_thresholds(FLAGS.thresholds)
    output = FLAGS.output and output_path.check_file("output", FLAGS.output, [FLAGS.model])
    if FLAGS.run_dir:
        if FLAGS.gin_file or FLAGS.gin_binding:
            raise UsageError(
                "`gin_file` and `gin_binding` must be left out with `run_dir`: a run is evaluated "
                "with the configuration that it was started with."
            )
        where = FLAGS.run_dir, FLAGS.data_dir
        found = evaluate_run(*where, FLAGS.split, thresholds, FLAGS.trust_run_dir)
    else:
        if thresholds:
            raise UsageError(
                "`thresholds` needs the sparse model of a run: use --run_dir in place of --model."
            )
        found = evaluate_model(
            FLAGS.model, FLAGS.gin_file, FLAGS.gin_binding, FLAGS.data_dir, FLAGS.split
        )
    if output:
        atomic_write.write_text(output, json.dumps(found, indent=1) + "\n")
        print(f"\nWritten: {FLAGS.output}")


def parse_thresholds(texts):
    """Returns the thresholds of a comma-separated flag as numbers, [] for None.

    Raises:
        UsageError: if one is no number.
    """
    try:
        thresholds = [float(text) for text in texts or []]
    except ValueError:
        thresholds = [math.nan]
    if not all(map(math.isfinite, thresholds)):
        raise UsageError(
            f"`thresholds` must be numbers, such as 0,0.5,1. Received: {','.join(texts)}."
        )
    return thresholds


def evaluate_run(directory, data_dir=None, split="test", thresholds=(), trusted=False):
    """Evaluates what a run of `bin/train.py` last saved, and prints it.

    Args:
        directory: the run directory; nothing is written there.
        data_dir: where the data lies, or None.
        split: one of `SPLITS`.
        thresholds: thresholds of variational dropout to evaluate as well.
        trusted: whether the recorded configuration may name anything, and so run any code.

    Returns:
        What `--output` writes, a dict of JSON values.

    Raises:
        UsageError: for whatever the user can put right.
    """
    with saved_run.errors_naming_data_dir(data_dir):
        run_dir, experiment, model, step = saved_run.load(directory, data_dir, trusted)
        state = "finished" if run_dir.is_finished else "not finished: its last checkpoint"
        print(f"{run_dir.path}, step {step:,} of {experiment.last_step:,} ({state})\n")
        found = figures.measure(experiment, model, split, thresholds)
    return {
        "run_dir": str(run_dir.path),
        "step": step,
        "finished": run_dir.is_finished,
        **found,
    }


def evaluate_model(path, gin_files, bindings=(), data_dir=None, split="test"):
    """Evaluates a `.keras` file on the data of a gin configuration, and prints it.

    Args:
        path: the file of a model, stripped or sparse.
        gin_files: paths of gin files; their data, loss and metrics are used.
        bindings: gin bindings, which win over the files.
        data_dir: where the data lies, or None.
        split: one of `SPLITS`.

    Returns:
        What `--output` writes, a dict of JSON values.

    Raises:
        UsageError: for whatever the user can put right.
    """
    gin_app.parse(gin_files, bindings, data_dir)
    model = saved_run.load_model(path)
    experiment = configured_experiment.make()
    print(f"{path}\n")
    return {"model": str(path), **figures.measure(experiment, model, split)}


def define_flags():
    """Defines the flags of this program."""
    gin_app.define_flags()
    flags.adopt_module_key_flags(gin_app)
    flags.DEFINE_string("run_dir", None, "Directory of a run, finished or not.")
    flags.DEFINE_bool("trust_run_dir", False, saved_run.TRUST)
    flags.DEFINE_string("model", None, "A .keras file, evaluated as --gin_file says, not built.")
    flags.DEFINE_enum(
        "split", SPLITS[0], SPLITS, "Part of the data set; choose settings by validation."
    )
    flags.DEFINE_list(
        "thresholds", None, "Thresholds of variational dropout to evaluate too, such as 0,0.5,1."
    )
    flags.DEFINE_string("output", None, "JSON file that gets all that was found.")


if __name__ == "__main__":
    define_flags()
    gin_app.run(main)
