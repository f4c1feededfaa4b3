"""Runs grids of experiments in a few worker processes; finished runs are left alone.

    python -m state_of_sparsity.bin.sweep --sweep_dir=runs --workers=2 \
        --grid='quickstart/magnitude_pruning.gin SPARSITY=0.5,0.9 SEED=0,1,2'

Each cell has its run directory, so an interrupted sweep goes on where it was: on Ctrl-C, and on
SIGTERM, the workers end at once, and what they ran goes on from its last checkpoint. With
--table=FILE every finished run is a line of a CSV file, from the moment it ends. What all cells
have, such as where their masks come from, is a --gin_binding, which names no directory. Gin files
and values of all cells are checked before the first begins.

Several sweeps may share a directory, with the same cells or others. A cell that another process
runs is "running elsewhere": it is asked again at the end, counted, and no failure.

A cluster's scheduler may share the cells among its machines: --slurm and --kubernetes print what
it is given, in which each task runs its part by --cell. --status says what has become of each
cell, and why it failed if it did; --mirror keeps run directories in an object store as well. See
docs/clusters.md.
"""

import collections
import functools
import os
import pathlib
import time

from absl import flags

from state_of_sparsity import output_path
from state_of_sparsity.analysis import run_table
from state_of_sparsity.bin import (
    cell_check,
    cell_choice,
    cell_states,
    cluster_jobs,
    gin_app,
    grid,
    grid_file,
    outcomes,
    run_workers,
    worker_logs,
)
from state_of_sparsity.bin.outcomes import CRASHED, ELSEWHERE, FAILED, FINISHED, TRAINED
from state_of_sparsity.bin.workers import WorkerDiedError, Workers
from state_of_sparsity.errors import UsageError
from state_of_sparsity.training.runs.run_dir import RunDir

FLAGS = flags.FLAGS

SECONDS_BETWEEN_REPORTS = 30


def main(_):
    """Runs the program; the flags are described by `--help`."""
    if not FLAGS.sweep_dir:
        raise UsageError("`sweep_dir` must be given: --sweep_dir=DIRECTORY.")
    try:
        grids = grid_file.lines(FLAGS.grid)
        cells = grid.all_cells(grids, FLAGS.gin_binding)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if not cells:
        raise UsageError("`grid` must be given: --grid='FILE.gin NAME=VALUE,VALUE'.")
    cells = cell_choice.in_directories(cells, FLAGS.only)
    positions = {cell: position for position, cell in enumerate(cells)}
    if FLAGS.cell is not None:
        cells = cell_choice.at(cells, FLAGS.cell)
    wanted, directory = _wanted(), pathlib.Path(FLAGS.sweep_dir).expanduser()
    if wanted and wanted != "status":
        printed = _printed(cells, grids)
        cell_check.check(cells, directory, FLAGS.data_dir)
        print(printed)
        return
    table = _table(FLAGS.table)
    if wanted:
        _say_status({cell: positions[cell] for cell in cells}, directory, table)
        return
    output_path.check_folder("sweep_dir", FLAGS.sweep_dir)
    if FLAGS.cell is None:  # of an array's task, what printed the array checked the cells
        left = [cell for cell in cells if not RunDir(directory / cell.directory).is_finished]
        if left:
            print(f"Checking {_number(len(left), 'cell')}.", flush=True)
        cell_check.check(left, directory, FLAGS.data_dir)
    failed = sweep(cells, directory, FLAGS.workers, FLAGS.data_dir, table, FLAGS.mirror)
    if failed:
        others = "; the others are said above" if len(failed) > 1 else ""
        raise UsageError(
            f"{len(failed)} of {len(cells)} runs failed, {failed[0]}{others}. Once that is put "
            "right, run the command again: what is finished is left alone."
        )


def _table(path):
    """Returns the `RunTable` of a file, None without one."""
    try:
        return run_table.RunTable(output_path.check_file("table", path)) if path else None
    except ValueError as error:
        raise UsageError(str(error)) from error


def _wanted():
    """Returns which flag asks for something else than a sweep, None if none does."""
    given = [name for name in ("print", "slurm", "kubernetes", "status") if FLAGS[name].value]
    if len(given) > 1:
        raise UsageError(f"`{given[0]}` and `{given[1]}` exclude each other. Leave one out.")
    return given[0] if given else None


def _printed(cells, grids):
    """Returns the commands, or the array of tasks, that flags ask for."""
    if FLAGS.print:
        runs = [(cell, _mirror(FLAGS.mirror, cell)) for cell in cells]
        return cluster_jobs.commands(runs, FLAGS.sweep_dir, FLAGS.data_dir)
    if FLAGS.cell is not None:
        raise UsageError("`cell` is what each task gives itself. Use `only` to choose cells here.")
    tasks = FLAGS.tasks or len(cells)
    if tasks > len(cells):
        raise UsageError(f"`tasks` must be at most the {len(cells)} cells. Received: {tasks}.")
    arguments = [f"--sweep_dir={FLAGS.sweep_dir}", f"--workers={FLAGS.workers}"]
    for name in ("table", "data_dir", "mirror"):
        arguments += [f"--{name}={FLAGS[name].value}"] if FLAGS[name].value else []
    arguments += [f"--only={','.join(FLAGS.only)}"] if FLAGS.only else []
    arguments += [f"--gin_binding={binding}" for binding in FLAGS.gin_binding]
    # The lines of a file, not its name: what is submitted stays as it is when the file changes.
    arguments += [f"--grid={line}" for line in grids]
    name = cluster_jobs.name(FLAGS.sweep_dir)
    array = cluster_jobs.Array(arguments, len(cells), tasks, name, FLAGS.gpus)
    if FLAGS.slurm:
        return cluster_jobs.slurm(array)
    if not (FLAGS.claim or FLAGS.mirror):
        raise UsageError(
            "`kubernetes` must have --claim or --mirror: what pods write goes with them."
        )
    paths = [FLAGS.sweep_dir, FLAGS.table, FLAGS.data_dir]
    volume = (FLAGS.claim, cluster_jobs.mounted(paths)) if FLAGS.claim else None
    return cluster_jobs.kubernetes(array, FLAGS.kubernetes, volume)


def _say_status(positions, directory, table):
    """Prints what has become of each cell, and adds finished ones to the table."""
    counts = collections.Counter()
    for cell, position in positions.items():
        path = directory / cell.directory
        if FLAGS.mirror:
            cell_states.fetch(path, _mirror(FLAGS.mirror, cell))
        state, text = cell_states.of(path, cell.bindings)
        if table is not None and state == cell_states.FINISHED:
            text = outcomes.add_to_table(table, path, cell.directory)
        counts[state] += 1
        print(f"{position:5}  {cell.directory}  {state}{f': {text.strip()}' if text else ''}")
    total = ", ".join(f"{number} {state}" for state, number in counts.items())
    print(f"{_number(len(positions), 'cell')}: {total}.")


def _mirror(mirror, cell):
    """Returns the mirror of a cell's run directory in that of the sweep, None without one."""
    return f"{mirror.rstrip('/')}/{cell.directory}" if mirror else None


def sweep(cells, directory, workers, data_dir=None, table=None, mirror=None):
    """Runs cells in worker processes and prints each as it ends, and how many in the end.

    Args:
        cells: `grid.Cell`s.
        directory: parent of the run directories; what workers print goes to `worker_*.log` there.
        workers: number of processes.
        data_dir: where the data lies, or None.
        table: the `RunTable` that gets a line for every finished run, or None.
        mirror: where the run directories are kept as well, or None.

    Returns:
        For each cell that failed, or could not be added to the table, what was said of it.

    Raises:
        UsageError: if a worker process died.
        RuntimeError: if a cell crashed, when all others have ended.
    """
    directory.mkdir(parents=True, exist_ok=True)
    worker_logs.remove_those_of_the_dead(directory)
    count = min(workers, len(cells))
    runs, processes = _number(len(cells), "run"), _number(count, "process", "es")
    print(f"{runs} in {processes}, in {directory}. Starting.", flush=True)
    prepare = functools.partial(run_workers.start, directory, count)
    begin, counts, failed, crashed = time.monotonic(), collections.Counter(), [], []
    try:
        with Workers(count, run_cell, prepare) as pool:
            for cell, outcome in _outcomes(pool, cells, directory, data_dir, mirror):
                kind, text = outcome.kind, outcome.text
                if table is not None and kind in (TRAINED, FINISHED):
                    path = directory / cell.directory
                    problem = outcomes.add_to_table(table, path, cell.directory)
                    kind, text = (FAILED if problem else kind), text + problem
                counts[kind] += 1
                if kind in (FAILED, CRASHED):
                    said = text.removeprefix("FAILED: ").strip().rstrip(".")
                    (failed if kind == FAILED else crashed).append(f"{cell.directory}: {said}")
                    path = directory / cell.directory
                    cell_states.note_failure(path, said, _mirror(mirror, cell))
                done, left = counts.total(), len(cells) - counts.total()
                left_s = left * (time.monotonic() - begin) / max(counts[TRAINED], 1)
                eta = f"  ETA {left_s:.0f} s" if counts[TRAINED] and left else ""
                print(f"[{done}/{len(cells)}] {cell.directory}  {text}{eta}", flush=True)
    except WorkerDiedError as error:
        cell = error.task[0]
        path = directory / cell.directory
        cell_states.note_failure(path, str(error), _mirror(mirror, cell))
        raise UsageError(run_workers.explained(error, directory)) from error
    except (KeyboardInterrupt, SystemExit) as error:
        run_workers.say_where_it_ended(error, counts.total(), len(cells))
        raise
    later = " Run the same command once those have ended." if counts[ELSEWHERE] else ""
    total = ", ".join(f"{number} {kind}" for kind, number in counts.items())
    print(f"{total}.{later}", flush=True)
    if crashed:
        raise RuntimeError(f"{len(crashed)} of {len(cells)} runs crashed, {crashed[0]}")
    return failed


def _number(count, noun, plural="s"):
    return f"{count} {noun}{'' if count == 1 else plural}"


def _outcomes(pool, cells, directory, data_dir, mirror):
    """Yields a cell and its outcome as it ends; those that run elsewhere last, asked again."""
    tasks, elsewhere = [(cell, directory, data_dir, _mirror(mirror, cell)) for cell in cells], []

    def report_progress():
        lines = (_progress(directory / cell.directory) for cell, *_ in pool.running)
        for line in sorted(filter(None, lines)):
            print(f"    {line}", flush=True)

    for task, outcome in pool.results(tasks, SECONDS_BETWEEN_REPORTS, report_progress):
        if outcome.kind == ELSEWHERE:
            elsewhere.append(task)
            print(f"    {task[0].directory}  {outcome.text}, asked again at the end", flush=True)
        else:
            yield task[0], outcome
    for task, outcome in pool.results(elsewhere, SECONDS_BETWEEN_REPORTS, report_progress):
        yield task[0], outcome


def _progress(run_dir):
    """Returns how far an unfinished run is, in a line, or None if it has not begun to train."""
    far = cell_states.how_far(run_dir)
    return None if far is None else f"{'/'.join(run_dir.parts[-3:])}  {far}"


def run_cell(cell, directory, data_dir, mirror=None):
    """Runs one cell in this process and returns its `Outcome`; `mirror` is of its run directory."""
    log, path = worker_logs.name(os.getpid()), directory / cell.directory
    cell_states.forget_failure(path, mirror)
    return outcomes.of_run([cell.gin_file], cell.bindings, path, data_dir, log, mirror)


def define_flags():
    """Defines the flags of this program."""
    flags.DEFINE_multi_string(
        "grid",
        [],
        "'FILE.gin NAME=VALUE,VALUE NAME=VALUE': every combination; or FILE.grid, a file of such "
        "lines. May be repeated.",
    )
    flags.DEFINE_multi_string(
        "gin_binding", [], "Gin binding of all runs, whose directories it does not name."
    )
    flags.DEFINE_list("only", [], "Directories of the runs wanted, or those they lie in.")
    flags.DEFINE_string("cell", None, "Position of the cell wanted, or START:STOP:STEP of several.")
    flags.DEFINE_string("table", None, "CSV file that gets a line for every finished run.")
    flags.DEFINE_string("sweep_dir", None, "Parent of the run directories.")
    flags.DEFINE_string(
        "mirror", None, "Where run directories are kept as well, such as gs://BUCKET/runs."
    )
    flags.DEFINE_integer("workers", 2, "Worker processes.", lower_bound=1)
    flags.DEFINE_string("data_dir", None, "Where the data lies; sets the macro DATA_DIR.")
    flags.DEFINE_bool("status", False, "Print what has become of each cell; train nothing.")
    flags.DEFINE_bool("print", False, "Print a command a cell; train nothing.")
    flags.DEFINE_bool("slurm", False, "Print a job array's script; train nothing.")
    flags.DEFINE_string(
        "kubernetes", None, "Image: print an indexed Job's manifest of it; train nothing."
    )
    flags.DEFINE_string("claim", None, "Persistent volume claim that the Job mounts.")
    flags.DEFINE_integer("tasks", None, "Tasks that share the cells; one a cell if not given.", 1)
    flags.DEFINE_integer("gpus", 0, "GPUs of each task.", lower_bound=0)


if __name__ == "__main__":
    define_flags()
    gin_app.run(main)
