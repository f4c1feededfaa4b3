"""Reports on finished runs: `python -m state_of_sparsity.bin.report --runs_glob='runs/*/*'`."""

import glob
import itertools
import os
import pathlib

from absl import flags

from state_of_sparsity import output_path
from state_of_sparsity.bin import gin_app, output_folder
from state_of_sparsity.errors import UsageError

FLAGS = flags.FLAGS


def main(_):
    """Runs the program; the flags are described by `--help`."""
    if not FLAGS.output_dir:
        raise UsageError("`output_dir` must be given: --output_dir=DIRECTORY.")
    output_path.check_folder("output_dir", FLAGS.output_dir)
    if FLAGS.scaling_law:
        return write_scaling_law()
    if FLAGS.paper or FLAGS.paper_csv or FLAGS.survey_csv:
        return write_published()
    finished, unfinished = find_runs(FLAGS.run_dir, FLAGS.runs_glob)
    # Imports matplotlib, which `--help` and a wrong flag need not wait for.
    from state_of_sparsity.analysis import run_report

    output_dir = pathlib.Path(FLAGS.output_dir).expanduser()
    output_folder.check_is_no_others(output_dir, "report.md", run_report.TITLE)
    try:
        path = run_report.write_report(finished + unfinished, output_dir, tell=_say)
    except ValueError as error:
        raise UsageError(str(error)) from error
    _say(f"Report: {path}")


def write_scaling_law():
    """Writes the page on the scaling law of a table of runs, and prints what was found."""
    others = {"run_dir", "runs_glob", "paper", "paper_csv", "survey_csv"}
    given = sorted(name for name in others if FLAGS[name].value)
    if given:
        raise UsageError(
            "`scaling_law` must come without other runs and papers, as its runs are those of the "
            f"table. Received: {', '.join(given)}. Leave one of both out."
        )
    # Imports scipy, too.
    from state_of_sparsity.analysis import scaling_law_report

    output_dir = pathlib.Path(FLAGS.output_dir).expanduser()
    output_folder.check_is_no_others(output_dir, scaling_law_report.PAGE, scaling_law_report.TITLE)
    try:
        lines = scaling_law_report.write(FLAGS.scaling_law, output_dir, FLAGS.residuals)
    except ValueError as error:
        raise UsageError(str(error)) from error
    for line in [*lines, "", f"Report: {output_dir / scaling_law_report.PAGE}"]:
        _say(line)


def write_published():
    """Writes the page on the study's numbers, with one's own runs where there are any."""
    if not FLAGS.paper:
        raise UsageError(
            "`paper` must say what `paper_csv` and `survey_csv` are drawn with. Received: none. "
            "Add --paper=resnet50 or --paper=transformer."
        )
    if FLAGS.survey_csv and FLAGS.paper != "resnet50":
        raise UsageError(
            "`survey_csv` must come with --paper=resnet50, as its networks are of images. "
            f"Received: --paper={FLAGS.paper}. Leave it out."
        )
    given = FLAGS.run_dir or FLAGS.runs_glob
    finished, unfinished = find_runs(FLAGS.run_dir, FLAGS.runs_glob) if given else ([], [])
    from state_of_sparsity.analysis.published import page

    output_dir = pathlib.Path(FLAGS.output_dir).expanduser()
    output_folder.check_is_no_others(output_dir, page.PAGE, page.TITLE)
    try:
        path = page.write(
            FLAGS.paper,
            FLAGS.paper_csv,
            finished + unfinished,
            output_dir,
            tell=_say,
            survey_csv=FLAGS.survey_csv,
        )
    except ValueError as error:
        raise UsageError(str(error)) from error
    _say(f"Report: {path}")


def find_runs(run_dirs, globs):
    """Returns the finished and the unfinished run directories that flags name.

    Args:
        run_dirs: directories; each must be a run directory.
        globs: patterns; what they match and is no run directory is passed over.

    Returns:
        Two sorted lists of paths.

    Raises:
        UsageError: if a directory is no run directory, or no run is finished.
    """
    named = [pathlib.Path(path).expanduser() for path in run_dirs]
    for path in named:
        if not _has(path, "run.json") and not _has(path, "result.json"):
            raise UsageError(f"`run_dir` must be a run directory. Received: {path}.{_inside(path)}")
    matched = (glob.glob(os.path.expanduser(pattern)) for pattern in globs)
    matched = map(pathlib.Path, itertools.chain.from_iterable(matched))
    runs = sorted({*named, *(path for path in matched if _has(path, "run.json"))})
    finished = [path for path in runs if _has(path, "result.json")]
    if not finished:
        raise UsageError(
            "`run_dir` and `runs_glob` must match at least one finished run. Received: "
            f"{[*map(str, run_dirs), *globs]}, which match {len(runs)} runs, none finished."
        )
    return finished, [path for path in runs if path not in finished]


def _inside(folder):
    """Returns how to name the runs that lie in a folder, such as that of a sweep; or nothing."""
    found = next(folder.glob("**/run.json"), None)
    if found is None:
        return ""
    parts = found.parent.relative_to(folder).parts
    return f" For the runs in it: --runs_glob='{folder.joinpath(*'*' * len(parts))}'."


def _has(path, name):
    return os.path.lexists(path / name)  # whether it can be read shows later


def _say(line):
    # A name of a file may have bytes that are no text.
    print(line.encode("utf-8", "backslashreplace").decode("utf-8"))


def define_flags():
    """Defines the flags of this program."""
    flags.DEFINE_multi_string("run_dir", [], "A run directory. May be given repeatedly.")
    flags.DEFINE_multi_string(
        "runs_glob", [], "Pattern of run directories, in quotes. May be given repeatedly."
    )
    flags.DEFINE_string("output_dir", None, "Where the Markdown report and its plots go.")
    flags.DEFINE_enum(
        "paper",
        None,
        ["resnet50", "transformer"],
        "Whose published numbers to write a page on, with runs beside them if any are given.",
    )
    flags.DEFINE_string("paper_csv", None, "Folder of the study's own CSV files on --paper.")
    flags.DEFINE_string(
        "survey_csv", None, "Table of the survey of 81 papers, to draw in grey with --paper."
    )
    flags.DEFINE_string(
        "scaling_law", None, "CSV file of runs, such as a sweep's table, to fit a scaling law to."
    )
    flags.DEFINE_enum(
        "residuals", "log", ["log", "loss"], "What --scaling_law compares: log(loss), or losses."
    )


if __name__ == "__main__":
    define_flags()
    gin_app.run(main)
