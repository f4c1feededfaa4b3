"""Runs grids of experiments in a few worker processes; finished runs are left alone.

    python -m state_of_sparsity.bin.sweep --sweep_dir=runs --workers=2 \
        --grid='quickstart/magnitude_pruning.gin SPARSITY=0.5,0.9 SEED=0,1,2'

Each cell has its run directory, so an interrupted sweep goes on where it was: on Ctrl-C, and on
SIGTERM, the workers end at once, and what they ran goes on from its last checkpoint. With
--table=FILE every finished run is a line of a CSV file, from the moment it ends.

Several sweeps may share a directory, with the same cells or others. A cell that another process
runs is "running elsewhere": it is asked again at the end, counted, and no failure.
"""

import collections
import contextlib
import dataclasses
import functools
import json
import os
import pathlib
import sys
import time
import traceback

from absl import flags

from state_of_sparsity import file_lock, output_path
from state_of_sparsity.analysis import results, run_table
from state_of_sparsity.bin import gin_app, grid, start_up, system_errors, train, worker_logs
from state_of_sparsity.bin.workers import WorkerDiedError, Workers, how_it_ended
from state_of_sparsity.errors import UsageError

FLAGS = flags.FLAGS

SECONDS_BETWEEN_REPORTS = 30

TRAINED, FINISHED, ELSEWHERE = "trained", "finished before", "running elsewhere"
FAILED, CRASHED = "failed", "crashed"  # by what the user can put right, and by a mistake of ours


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a cell.

    Args:
        kind: `TRAINED`, `FINISHED`, `ELSEWHERE`, `FAILED` or `CRASHED`.
        text: what to print.
    """

    kind: str
    text: str


def main(_):
    """Runs the program; the flags are described by `--help`."""
    if not FLAGS.sweep_dir:
        raise UsageError("`sweep_dir` must be given: --sweep_dir=DIRECTORY.")
    try:
        cells = grid.all_cells(FLAGS.grid, FLAGS.gin_binding)
        table = FLAGS.table and run_table.RunTable(output_path.check_file("table", FLAGS.table))
    except ValueError as error:
        raise UsageError(str(error)) from error
    if not cells:
        raise UsageError("`grid` must be given: --grid='FILE.gin NAME=VALUE,VALUE'.")
    cells = chosen(cells, FLAGS.only)
    output_path.check_folder("sweep_dir", FLAGS.sweep_dir)
    directory = pathlib.Path(FLAGS.sweep_dir).expanduser()
    failed = sweep(cells, directory, FLAGS.workers, FLAGS.data_dir, table)
    if failed:
        others = "; the others are said above" if len(failed) > 1 else ""
        raise UsageError(
            f"{len(failed)} of {len(cells)} runs failed, {failed[0]}{others}. Once that is put "
            "right, run the command again: what is finished is left alone."
        )


def chosen(cells, only):
    """Returns the cells whose run directory is one of those asked for, or lies in one; all if none.

    The last part of a directory may be cut at an underscore: `dense/seed` means all its seeds.

    Raises:
        UsageError: if something asked for is no cell's.
    """
    for wanted in only:
        if not any(_is_in(cell, wanted) for cell in cells):
            first = [c for c in cells if c.directory.startswith(f"{wanted.split('/')[0]}/")]
            near = sorted({c.directory for c in first}) or sorted(
                {os.path.dirname(c.directory) for c in cells}
            )
            raise UsageError(
                "`only` must name runs by their directory, or by one it lies in. "
                f"Received: {wanted!r}. There are {', '.join(near)}."
            )
    return [c for c in cells if not only or any(_is_in(c, wanted) for wanted in only)]


def _is_in(cell, wanted):
    wanted, directory = wanted.strip("/"), cell.directory
    if f"{directory}/".startswith(f"{wanted}/"):
        return True
    in_last_part = os.path.dirname(wanted) == os.path.dirname(directory)
    return in_last_part and directory.startswith(f"{wanted}_")


def sweep(cells, directory, workers, data_dir=None, table=None):
    """Runs cells in worker processes and prints each as it ends, and how many in the end.

    Args:
        cells: `grid.Cell`s.
        directory: parent of the run directories; what workers print goes to `worker_*.log` there.
        workers: number of processes.
        data_dir: where the data lies, or None.
        table: the `RunTable` that gets a line for every finished run, or None.

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
    prepare = functools.partial(_start_worker, directory, count)
    begin, counts, failed, crashed = time.monotonic(), collections.Counter(), [], []
    try:
        with Workers(count, run_cell, prepare) as pool:
            for cell, outcome in _outcomes(pool, cells, directory, data_dir):
                kind, text = outcome.kind, outcome.text
                if table is not None and kind in (TRAINED, FINISHED):
                    problem = _add_to_table(table, cell, directory)
                    kind, text = (FAILED if problem else kind), text + problem
                counts[kind] += 1
                if kind == FAILED:
                    said = text.removeprefix("FAILED: ").strip().rstrip(".")
                    failed.append(f"{cell.directory}: {said}")
                if kind == CRASHED:
                    crashed.append(f"{cell.directory}: {text}")
                done, left = counts.total(), len(cells) - counts.total()
                left_s = left * (time.monotonic() - begin) / max(counts[TRAINED], 1)
                eta = f"  ETA {left_s:.0f} s" if counts[TRAINED] and left else ""
                print(f"[{done}/{len(cells)}] {cell.directory}  {text}{eta}", flush=True)
    except WorkerDiedError as error:
        raise UsageError(_explained(error, directory)) from error
    except (KeyboardInterrupt, SystemExit) as error:
        _say_where_it_ended(error, counts.total(), len(cells))
        raise
    later = " Run the same command once those have ended." if counts[ELSEWHERE] else ""
    total = ", ".join(f"{number} {kind}" for kind, number in counts.items())
    print(f"{total}.{later}", flush=True)
    if crashed:
        raise RuntimeError(f"{len(crashed)} of {len(cells)} runs crashed, {crashed[0]}")
    return failed


def _number(count, noun, plural="s"):
    return f"{count} {noun}{'' if count == 1 else plural}"


def _outcomes(pool, cells, directory, data_dir):
    """Yields a cell and its outcome as it ends; those that run elsewhere last, asked again."""
    tasks, elsewhere = [(cell, directory, data_dir) for cell in cells], []

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


def _explained(error, directory):
    """Returns what is to be said of a worker that died."""
    others = ", ".join(cell.directory for cell, *_ in error.others)
    meanwhile = f" (others ran {others})" if others else ""
    log = directory / worker_logs.name(error.process)
    return (
        f"The worker process {error.process} {how_it_ended(error.exit_code)}, while it ran "
        f"{error.task[0].directory}{meanwhile}; see {log}. Run the same command to go on, with "
        "fewer `workers` if need be."
    )


def _say_where_it_ended(error, done, cells):
    """Says how far an interrupted sweep is; of SIGINT, what to do is said where it is caught."""
    by_signal = isinstance(error, SystemExit)
    end = "Ended by a signal. Run the same command to go on." if by_signal else ""
    with contextlib.suppress(OSError):  # the terminal may be gone
        print(
            f"\n{done} of {cells} runs are done; those that were running go on from their last "
            f"checkpoint. {end}".rstrip(),
            file=sys.stderr,
        )


def _progress(run_dir):
    """Returns how far an unfinished run is, in a line, or None if it has not begun to train."""
    try:
        last = json.loads((run_dir / "progress.jsonl").read_text(encoding="utf-8").splitlines()[-1])
        name = "/".join(run_dir.parts[-3:])
        return f"{name}  step {last['step']:,} of {last['steps']:,}  ETA {last['eta_s']:.0f} s"
    except (OSError, ValueError, LookupError, TypeError):  # a phase, or a line half written
        return None


def _add_to_table(table, cell, directory):
    """Adds a finished run to the table; returns what to say where that cannot be done."""
    try:
        run = results.read_run(directory / cell.directory)
        table.add([run_table.row(run, cell.directory)])
    except (file_lock.LockError, ValueError) as error:
        return f"  NOT IN THE TABLE: {error}"
    except OSError as error:
        return f"  NOT IN THE TABLE: {system_errors.explain(error)}"
    return ""


def run_cell(cell, directory, data_dir):
    """Runs one cell in this process and returns its `Outcome`."""
    import keras

    from state_of_sparsity.training.runs.run_dir import RunInUseError

    keras.backend.clear_session()
    begin = time.monotonic()
    try:
        path = directory / cell.directory
        result = train.run([cell.gin_file], cell.bindings, path, data_dir, verbose=False)
    except RunInUseError as error:
        return Outcome(ELSEWHERE, f"running elsewhere ({error.process})")
    except UsageError as error:
        return Outcome(FAILED, f"FAILED: {error}")
    except Exception as error:
        traceback.print_exc()
        log = worker_logs.name(os.getpid())
        return Outcome(CRASHED, f"CRASHED: {error!r}, a mistake of ours: its traceback is in {log}")
    if result is None:
        return Outcome(FINISHED, "finished before, left alone")
    names = [name for name in ("sparsity", "accuracy", "bleu") if name in result]
    figures = "  ".join(f"{name} {result[name]:.4f}" for name in names)
    return Outcome(TRAINED, f"{figures}  in {time.monotonic() - begin:.1f} s")


def _start_worker(directory, workers):
    """Gives a worker process its log and its share of the cores."""
    worker_logs.write_to_own(directory)
    start_up.prepare()
    threads = str(max(1, (os.cpu_count() or 1) // workers))
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, threads)


def define_flags():
    """Defines the flags of this program."""
    flags.DEFINE_multi_string(
        "grid", [], "'FILE.gin NAME=VALUE,VALUE NAME=VALUE': every combination. May be repeated."
    )
    flags.DEFINE_multi_string(
        "gin_binding", [], "Gin binding of all runs, whose directories it does not name."
    )
    flags.DEFINE_list("only", [], "Directories of the runs wanted, or those they lie in.")
    flags.DEFINE_string("table", None, "CSV file that gets a line for every finished run.")
    flags.DEFINE_string("sweep_dir", None, "Parent of the run directories.")
    flags.DEFINE_integer("workers", 2, "Worker processes.", lower_bound=1)
    flags.DEFINE_string("data_dir", None, "Where the data lies; sets the macro DATA_DIR.")


if __name__ == "__main__":
    define_flags()
    gin_app.run(main)
