"""Runs grids of experiments in a few worker processes; finished runs are left alone.

    python -m state_of_sparsity.bin.sweep --sweep_dir=runs --workers=2 \
        --grid='quickstart/magnitude_pruning.gin SPARSITY=0.5,0.9 SEED=0,1,2'

Each cell has its run directory, so an interrupted sweep goes on where it was. With --table=FILE
every finished run is a line of a CSV file, from the moment it ends.
"""

import concurrent.futures
import json
import multiprocessing
import multiprocessing.connection
import os
import pathlib
import sys
import threading
import time
import traceback

from absl import flags

from state_of_sparsity import output_path
from state_of_sparsity.analysis import results, run_table
from state_of_sparsity.bin import gin_app, grid, train

FLAGS = flags.FLAGS

SECONDS_BETWEEN_REPORTS = 30


def main(_):
    """Runs the program; the flags are described by `--help`."""
    if not FLAGS.sweep_dir:
        raise gin_app.UsageError("`sweep_dir` must be given: --sweep_dir=DIRECTORY.")
    try:
        cells = grid.all_cells(FLAGS.grid)
        table = FLAGS.table and run_table.RunTable(output_path.check_file("table", FLAGS.table))
    except ValueError as error:
        raise gin_app.UsageError(str(error)) from error
    if not cells:
        raise gin_app.UsageError("`grid` must be given: --grid='FILE.gin NAME=VALUE,VALUE'.")
    cells = chosen(cells, FLAGS.only)
    output_path.check_folder("sweep_dir", FLAGS.sweep_dir)
    directory = pathlib.Path(FLAGS.sweep_dir).expanduser()
    failed = sweep(cells, directory, FLAGS.workers, FLAGS.data_dir, table)
    if failed:
        raise gin_app.UsageError(
            f"{failed} of {len(cells)} runs failed, as said above. Run the same command to try "
            "them again; the others are left alone."
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
            raise gin_app.UsageError(
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
    """Runs cells in worker processes and prints each as it ends.

    Args:
        cells: `grid.Cell`s.
        directory: parent of the run directories; what workers print goes to `worker_*.log` there.
        workers: number of processes.
        data_dir: where the data lies, or None.
        table: the `RunTable` that gets a line for every finished run, or None.

    Returns:
        How many cells failed.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for log in directory.glob("worker_*.log"):
        log.unlink(missing_ok=True)  # another sweep of this directory may remove it first
    workers = min(workers, len(cells))
    print(f"{len(cells)} runs in {workers} processes, in {directory}. Starting.", flush=True)
    begin, trained, failed = time.monotonic(), 0, 0
    context = multiprocessing.get_context("spawn")
    pool = concurrent.futures.ProcessPoolExecutor(
        workers, context, initializer=_start_worker, initargs=(directory, workers)
    )
    try:
        tasks = {pool.submit(run_cell, cell, directory, data_dir): cell for cell in cells}
        for done, task in enumerate(_as_completed(tasks, directory), start=1):
            cell = tasks[task]
            text, was_trained, was_failed = task.result()
            trained, failed = trained + was_trained, failed + was_failed
            if table is not None and not was_failed:
                text += _add_to_table(table, cell, directory)
            left_s = (len(cells) - done) * (time.monotonic() - begin) / max(trained, 1)
            eta = f"  ETA {left_s:.0f} s" if trained and done < len(cells) else ""
            print(f"[{done}/{len(cells)}] {cell.directory}  {text}{eta}", flush=True)
    except concurrent.futures.process.BrokenProcessPool as error:
        raise gin_app.UsageError(
            f"A worker process died, perhaps for lack of memory; see {directory}/worker_*.log. "
            "Run the same command to go on, with fewer `workers` if need be."
        ) from error
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()
    return failed


def _as_completed(tasks, directory):
    """Yields tasks as they end; every half minute in between it says how far the others are."""
    waiting = set(tasks)
    while waiting:
        done, waiting = concurrent.futures.wait(
            waiting, SECONDS_BETWEEN_REPORTS, concurrent.futures.FIRST_COMPLETED
        )
        yield from done
        if not done:
            # Those that wait for a worker may have progress of an earlier, interrupted sweep.
            running = [tasks[task].directory for task in waiting if task.running()]
            lines = (_progress(directory / run_dir) for run_dir in running)
            for line in sorted(filter(None, lines)):
                print(f"    {line}", flush=True)


def _progress(run_dir):
    """Returns how far an unfinished run is, in a line, or None if it has not begun to train."""
    try:
        last = json.loads((run_dir / "progress.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    except (OSError, ValueError, IndexError):
        return None
    if "step" not in last:
        return None
    name = "/".join(run_dir.parts[-3:])
    return f"{name}  step {last['step']:,} of {last['steps']:,}  ETA {last['eta_s']:.0f} s"


def _add_to_table(table, cell, directory):
    """Adds a finished run to the table; returns what to say where that cannot be done."""
    try:
        run = results.read_run(directory / cell.directory)
        table.add([run_table.row(run, cell.directory)])
    except (OSError, ValueError) as error:
        return f"  NOT IN THE TABLE: {error}"
    return ""


def run_cell(cell, directory, data_dir):
    """Runs one cell in this process.

    Returns:
        What to print, whether it was trained now, and whether it failed.
    """
    import keras

    keras.backend.clear_session()
    begin = time.monotonic()
    try:
        path = directory / cell.directory
        result = train.run([cell.gin_file], cell.bindings, path, data_dir, verbose=False)
    except gin_app.UsageError as error:
        return f"FAILED: {error}", False, True
    except Exception as error:
        traceback.print_exc()
        return f"FAILED: {error!r} (see worker_*.log)", False, True
    if result is None:
        return "finished before, left alone", False, False
    names = [name for name in ("sparsity", "accuracy", "bleu") if name in result]
    figures = [f"{name} {result[name]:.4f}" for name in names]
    return f"{'  '.join(figures)}  in {time.monotonic() - begin:.1f} s", True, False


def _start_worker(directory, workers):
    """Gives the process its log, its share of the cores, and an end when its parent ends."""
    path = directory / f"worker_{os.getpid()}.log"
    path.unlink(missing_ok=True)  # it may be a link, and what that points at is not ours
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    sys.stdout.flush()
    os.dup2(log, 1)
    os.dup2(log, 2)
    threads = str(max(1, (os.cpu_count() or 1) // workers))
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, threads)
    parent = multiprocessing.parent_process()

    def end_with_parent():
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()


def define_flags():
    """Defines the flags of this program."""
    flags.DEFINE_multi_string(
        "grid", [], "'FILE.gin NAME=VALUE,VALUE NAME=VALUE': every combination. May be repeated."
    )
    flags.DEFINE_list("only", [], "Directories of the runs wanted, or those they lie in.")
    flags.DEFINE_string("table", None, "CSV file that gets a line for every finished run.")
    flags.DEFINE_string("sweep_dir", None, "Parent of the run directories.")
    flags.DEFINE_integer("workers", 2, "Worker processes.", lower_bound=1)
    flags.DEFINE_string("data_dir", None, "Where the data lies; sets the macro DATA_DIR.")


if __name__ == "__main__":
    define_flags()
    gin_app.run(main)
