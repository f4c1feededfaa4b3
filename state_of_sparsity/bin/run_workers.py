"""Worker processes that train: how one starts, what is said of those that died or were ended."""

import contextlib
import os
import pathlib
import sys

from state_of_sparsity.bin import start_up, worker_logs
from state_of_sparsity.bin.workers import WorkerDiedError, how_it_ended


def start(directory: pathlib.Path, workers: int):
    """Gives this process, a worker, its log and its share of the cores.

    Args:
        directory: where its log is written.
        workers: how many processes there are.
    """
    worker_logs.write_to_own(directory)
    start_up.prepare()
    # Of a machine that a cluster shares out, a task has some of the cores.
    shared_out = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if shared_out else os.cpu_count() or 1
    threads = str(max(1, cores // workers))
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, threads)


def explained(error: WorkerDiedError, directory: pathlib.Path) -> str:
    """Returns what is to be said of a worker that died.

    Args:
        error: what `Workers` raised; its tasks begin with an object that has a `directory`.
        directory: where its log is.
    """
    others = ", ".join(run.directory for run, *_ in error.others)
    meanwhile = f" (others ran {others})" if others else ""
    log = directory / worker_logs.name(error.process)
    return (
        f"The worker process {error.process} {how_it_ended(error.exit_code)}, while it ran "
        f"{error.task[0].directory}{meanwhile}; see {log}. Run the same command to go on, with "
        "fewer `workers` if need be."
    )


def say_where_it_ended(error: BaseException, done: int, total: int):
    """Says how far an interrupted program is; of SIGINT, what to do is said where it is caught.

    Args:
        error: a `KeyboardInterrupt`, or the `SystemExit` that a signal ended it by.
        done: how many runs are done.
        total: how many there are.
    """
    by_signal = isinstance(error, SystemExit)
    end = "Ended by a signal. Run the same command to go on." if by_signal else ""
    with contextlib.suppress(OSError):  # the terminal may be gone
        print(
            f"\n{done} of {total} runs are done; those that were running go on from their last "
            f"checkpoint. {end}".rstrip(),
            file=sys.stderr,
        )
