"""The directory of one training run: its paths, its state, its lock."""

import contextlib
import difflib
import json
import os
import pathlib

from state_of_sparsity import atomic_write, file_lock, json_files
from state_of_sparsity.errors import UsageError
from state_of_sparsity.training.runs.source_commit import source_commit

LAST = "last"  # in place of a number of steps: the last one of a finished run
_LINES_SHOWN = 8


class RunDirError(UsageError):
    """A run directory that cannot be used; the message says why and what to do."""


class RunInUseError(RunDirError):
    """A run directory that another process is writing.

    Args:
        message: what to say.
        process: that process in words, such as `process 7`.
    """

    def __init__(self, message, process):
        super().__init__(message)
        self.process = process


class RunDir:
    """Paths and state of one training run.

    A run has *started* once `run.json` is there, which is written when the first step has been
    taken, and is *finished* once `result.json`, which is written last, is. Files:

    * `run.json`: the configuration, its settings by name, and the source commit that the run was
      started with;
    * `config.gin`: the operative configuration, defaults included;
    * `metrics.csv`, `metrics.jsonl`: one row an evaluation, the same after any interruption;
    * `progress.jsonl`: phases, rates and times as they were; `tensorboard/`; `checkpoints/`;
    * `snapshots/`: the state at step 0, at the steps of `kept_steps` and at the end, for other runs
      to begin from;
    * `report.csv`, `report.md`, `report.txt`: sizes and sparsity layer by layer;
    * `model.keras`: the stripped model; it loads without this package, but for the Transformer;
    * `vocabulary.model`, `data_digests.json`: of a run that translates, the subwords it learned,
      and digests of them and of the text;
    * `result.json`: the outcome, flat but for the settings. Its losses are those of the data alone:
      where penalties are part of the validation loss, that is left to `metrics.csv`.

    Args:
        path: the directory, made by `start` if need be.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path).expanduser()
        self.state = self.path / "run.json"
        self.config = self.path / "config.gin"
        self.metrics_csv = self.path / "metrics.csv"
        self.metrics_jsonl = self.path / "metrics.jsonl"
        self.progress = self.path / "progress.jsonl"
        self.tensorboard = self.path / "tensorboard"
        self.checkpoints = self.path / "checkpoints"
        self.snapshots = self.path / "snapshots"
        self.model = self.path / "model.keras"
        self.result = self.path / "result.json"
        self._lock = self.path / "lock"

    def snapshot(self, step):
        """Returns the path of the snapshot of a step."""
        return self.snapshots / f"step_{step:08d}.npz"

    def snapshot_steps(self):
        """Returns the steps that there are snapshots of, in order."""
        names = (path.stem.removeprefix("step_") for path in self.snapshots.glob("step_*.npz"))
        return sorted(int(name) for name in names if name.isdecimal())

    def report(self, suffix):
        """Returns the path of the layer report with a `suffix` such as `csv`."""
        return self.path / f"report.{suffix}"

    @property
    def is_started(self):
        """Whether a run has taken its first step here, with the configuration in `run.json`."""
        return os.path.exists(self.state)  # a path's own raises for names too long

    @property
    def is_finished(self):
        """Whether the run has its result."""
        return os.path.exists(self.result)

    def check(self, config):
        """Raises unless this directory is free or was started with the same configuration.

        Args:
            config: the configuration as given, a string that is equal for equal configurations.

        Raises:
            RunDirError: where the directory holds something else, or another configuration.
        """
        if self.path.exists() and not self.path.is_dir():
            raise RunDirError(f"`run_dir` is a file: {self.path}. Choose another directory.")
        if not self.state.exists():
            known = (self._lock.name, self.checkpoints.name)
            strangers = sorted(p.name for p in self.path.glob("[!.]*") if p.name not in known)
            if strangers:
                raise RunDirError(
                    f"`run_dir` must be empty or a run of this program. Received: {self.path}, "
                    f"which holds {', '.join(strangers[:5])}. Choose another directory."
                )
            return
        started_with = self.read_config()
        if started_with != config:
            raise RunDirError(
                f"`run_dir` {self.path} was started with another configuration "
                f"({_difference(started_with, config)}). Use the first configuration to go on with "
                "that run, or choose another directory."
            )

    def start(self, config, settings=None):
        """Makes the directory and records the configuration it is started with.

        Args:
            config: the configuration as given, as for `check`.
            settings: the same as `{name: JSON value}`.

        Raises:
            RunDirError: as `check` does; another process may have started the run since.
        """
        self.check(config)
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        for directory in (self.path, self.checkpoints, self.snapshots):
            atomic_write.remove_leftovers(directory)
        state = self._read_state() if self.state.exists() else {"commit": source_commit()}
        if "settings" not in state:  # new, or older than they are
            state = {"config": config, "settings": settings or {}, **state}
            atomic_write.write_text(self.state, json.dumps(state, indent=1) + "\n")

    def read_config(self):
        """Returns the configuration that the run was started with.

        Raises:
            DamagedFileError: if `run.json` does not say it.
        """
        return self._read_state()["config"]

    def read_settings(self):
        """Returns what the configuration sets, `{name: JSON value}`."""
        return self._read_state().get("settings") or {}

    def read_commit(self):
        """Returns the commit of the source that the run was started with, None if not known."""
        commit = self._read_state().get("commit")
        return commit if isinstance(commit, str) else None

    def read_result(self):
        """Returns the result of a finished run.

        Raises:
            DamagedFileError: if `result.json` does not hold one.
        """
        entries = {"technique": str, "sparsity": float, "steps": int}
        remedy = "Remove it and train again: the run goes on from its last checkpoint."
        return json_files.read(self.result, entries, remedy)

    def read_metrics(self):
        """Returns the rows of `metrics.jsonl` as dicts, [] where there is none yet.

        Raises:
            DamagedFileError: naming the line that is no row.
        """
        remedy = "Remove the line, and its evaluation is missing; or choose another directory."
        return json_files.read_rows(self.metrics_jsonl, {"step": int}, remedy)

    def _read_state(self):
        remedy = "Put the file back as it was, or choose another directory."
        return json_files.read(self.state, {"config": str}, remedy)

    def finish(self, result):
        """Writes `result.json`, which makes the run a finished one.

        Args:
            result: a dict of JSON values.
        """
        atomic_write.write_text(self.result, json.dumps(result, indent=1) + "\n")

    @contextlib.contextmanager
    def lock(self):
        """Holds the directory for this process; the lock goes with the process, however it ends.

        Where no run has been started at the end, what was made here goes again.

        Raises:
            RunInUseError: if another process holds it.
            RunDirError: if what will be written there lies elsewhere.
        """
        paths = (self._lock, self.path, *self.path.parents)
        made = [path for path in paths if not os.path.lexists(path)]
        self.path.mkdir(parents=True, exist_ok=True)
        self.refuse_links()
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(file_lock.hold(self._lock))
            except file_lock.HeldError as error:
                # One that has just begun to hold it may not have written its number.
                process = f"process {error.process or 'that has just begun'}"
                raise RunInUseError(
                    f"`run_dir` {self.path} is being written by {process}. "
                    "Wait for it to end, or choose another directory.",
                    process,
                ) from None
            except file_lock.LockError as error:
                raise RunDirError(f"`run_dir` must have a lock of its own: {error}") from None
            try:
                yield
            finally:
                if not self.is_started:
                    self._remove(made)

    def _remove(self, made):
        """Removes what this process made, as far as nothing else is in it."""
        with contextlib.suppress(OSError):
            self.checkpoints.rmdir()
        for path in made:
            try:
                path.unlink() if path == self._lock else path.rmdir()
            except OSError:
                return

    def refuse_links(self):
        """Raises where writing would go through a link; other files are replaced, links too.

        Raises:
            RunDirError: naming the link.
        """
        for path in (self.progress, self.tensorboard, self.checkpoints, self.snapshots):
            if path.is_symlink():
                raise RunDirError(
                    f"`run_dir` must hold what its run writes. Received: {path}, which is a link. "
                    "Remove it; `run_dir` itself may be a link to where there is room."
                )
        # Lines are added to it: a pipe would be waited for, a file of two names is another's too.
        if self.progress.exists() and not (
            self.progress.is_file() and self.progress.stat().st_nlink == 1
        ):
            raise RunDirError(
                f"`run_dir` must hold what its run writes. Received: {self.progress}, which is no "
                "plain file of its own. Remove it."
            )


def _difference(before, after):
    """Returns the lines that differ: `-` as the run was started, `+` as given now."""
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0))
    found = [line for line in lines[2:] if line[1:].strip() and not line.startswith("@@")]
    more = len(found) - _LINES_SHOWN
    return "; ".join(found[:_LINES_SHOWN]) + (f"; and {more} more lines" if more > 0 else "")
