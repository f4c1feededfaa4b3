"""Reports on finished runs: `python -m state_of_sparsity.bin.report --runs_glob='runs/*/*'`."""

import glob
import pathlib

from absl import flags

from state_of_sparsity import output_path
from state_of_sparsity.bin import gin_app

FLAGS = flags.FLAGS


def main(_):
    """Runs the program; the flags are described by `--help`."""
    if not FLAGS.output_dir:
        raise gin_app.UsageError("`output_dir` must be given: --output_dir=DIRECTORY.")
    output_path.check_folder("output_dir", FLAGS.output_dir)
    finished, unfinished = find_runs(FLAGS.run_dir, FLAGS.runs_glob)
    for path in unfinished:
        print(f"Not finished: {path}")
    # Imports matplotlib, which `--help` and a wrong flag need not wait for.
    from state_of_sparsity.analysis import run_report

    try:
        path = run_report.write_report(
            finished + unfinished, pathlib.Path(FLAGS.output_dir).expanduser()
        )
    except ValueError as error:
        raise gin_app.UsageError(str(error)) from error
    print(f"Report on {len(finished)} run{'s'[: len(finished) != 1]}: {path}")


def find_runs(run_dirs, globs):
    """Returns the finished and the unfinished run directories that flags name.

    Args:
        run_dirs: directories; each must be a run directory.
        globs: patterns; what they match and is no run directory is passed over.

    Returns:
        Two sorted lists of paths.

    Raises:
        gin_app.UsageError: if a directory is no run directory, or no run is finished.
    """
    named = [pathlib.Path(path) for path in run_dirs]
    for path in named:
        if not (path / "run.json").exists() and not (path / "result.json").exists():
            raise gin_app.UsageError(f"`run_dir` must be a run directory. Received: {path}.")
    matched = [pathlib.Path(path) for pattern in globs for path in glob.glob(pattern)]
    runs = sorted({*named, *(path for path in matched if (path / "run.json").exists())})
    finished = [path for path in runs if (path / "result.json").exists()]
    if not finished:
        raise gin_app.UsageError(
            "`run_dir` and `runs_glob` must match at least one finished run. Received: "
            f"{[*map(str, run_dirs), *globs]}, which match {len(runs)} runs, none finished."
        )
    return finished, [path for path in runs if path not in finished]


def define_flags():
    """Defines the flags of this program."""
    flags.DEFINE_multi_string("run_dir", [], "A run directory. May be given repeatedly.")
    flags.DEFINE_multi_string(
        "runs_glob", [], "Pattern of run directories, in quotes. May be given repeatedly."
    )
    flags.DEFINE_string("output_dir", None, "Where the Markdown report and its plots go.")


if __name__ == "__main__":
    define_flags()
    gin_app.run(main)
