"""What became of one of many runs: `of_run` runs it, and tells it from those that failed."""

import dataclasses
import logging
import os
import time
import traceback

from state_of_sparsity import file_lock
from state_of_sparsity.analysis import results, run_table
from state_of_sparsity.bin import system_errors, train
from state_of_sparsity.errors import UsageError

TRAINED, FINISHED, ELSEWHERE = "trained", "finished before", "running elsewhere"
FAILED, CRASHED = "failed", "crashed"  # by what the user can put right, and by a mistake of ours


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a run.

    Args:
        kind: `TRAINED`, `FINISHED`, `ELSEWHERE`, `FAILED` or `CRASHED`.
        text: what to print.
    """

    kind: str
    text: str


def of_run(
    gin_files: list[str],
    bindings: list[str],
    path: str | os.PathLike,
    data_dir: str | None,
    log: str | None = None,
    mirror: str | None = None,
) -> Outcome:
    """Runs what a configuration says in this process, without printing.

    Args:
        gin_files: paths of gin files.
        bindings: gin bindings, which win over the files.
        path: the run directory.
        data_dir: where the data lies, or None.
        log: the file that this process's errors go to; None if the user sees them.
        mirror: where the run directory is kept as well, or None.
    """
    import keras

    from state_of_sparsity.training.runs.run_dir import RunInUseError

    keras.backend.clear_session()
    logging.getLogger("tensorflow").addFilter(_is_of_one_run)
    begin = time.monotonic()
    try:
        result = train.run(gin_files, bindings, path, data_dir, verbose=False, mirror=mirror)
    except RunInUseError as error:
        return Outcome(ELSEWHERE, f"running elsewhere ({error.process})")
    except UsageError as error:
        return Outcome(FAILED, f"FAILED: {error}")
    except Exception as error:
        traceback.print_exc()
        place = "above" if log is None else f"in {log}"
        return Outcome(CRASHED, f"CRASHED: {error!r}, a mistake of ours: its traceback is {place}")
    if result is None:
        return Outcome(FINISHED, "finished before, left alone")
    names = [name for name in ("sparsity", "accuracy", "bleu") if name in result]
    figures = "  ".join(f"{name} {result[name]:.4f}" for name in names)
    return Outcome(TRAINED, f"{figures}  in {time.monotonic() - begin:.1f} s")


def add_to_table(table: run_table.RunTable, path: str | os.PathLike, name: str) -> str:
    """Adds a finished run to a table; returns what to say where that cannot be done, or nothing.

    Args:
        table: the `RunTable`.
        path: the run directory.
        name: what its line is found by.
    """
    try:
        table.add([run_table.row(results.read_run(path), name)])
    except (file_lock.LockError, ValueError) as error:
        return f"  NOT IN THE TABLE: {error}"
    except OSError as error:
        return f"  NOT IN THE TABLE: {system_errors.explain(error)}"
    return ""


def _is_of_one_run(record):
    # Every run traces functions of its own; TensorFlow takes them for one that is traced again.
    return "triggered tf.function retracing" not in record.getMessage()
