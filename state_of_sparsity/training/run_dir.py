"""The directory of one training run: its paths, its state, its lock."""

import contextlib
import difflib
import fcntl
import hashlib
import json
import os
import pathlib
import re

from state_of_sparsity import atomic_write
from state_of_sparsity.training.source_commit import source_commit


class RunDirError(Exception):
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

    A run has *started* once `run.json` is there and is *finished* once `result.json`, which is
    written last, is. Files:

    * `run.json`: the configuration and the source commit that the run was started with;
    * `config.gin`: the operative configuration, defaults included;
    * `metrics.csv`, `metrics.jsonl`: one row an evaluation, the same after any interruption;
    * `progress.jsonl`: phases, rates and times as they were; `tensorboard/`; `checkpoints/`;
    * `report.csv`, `report.md`, `report.txt`: sizes and sparsity layer by layer;
    * `model.keras`: the stripped model; it loads without this package, but for the Transformer;
    * `vocabulary.model`, `data_digests.json`: of a run that translates, the subwords it learned,
      and digests of them and of the text;
    * `result.json`: the outcome, flat. Its losses are those of the data alone: where penalties are
      part of the validation loss, that is left to `metrics.csv`.

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
        self.model = self.path / "model.keras"
        self.result = self.path / "result.json"
        self._lock = self.path / "lock"

    def report(self, suffix):
        """Returns the path of the layer report with a `suffix` such as `csv`."""
        return self.path / f"report.{suffix}"

    @property
    def is_finished(self):
        """Whether the run has its result."""
        return self.result.exists()

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
                f"`run_dir` {self.path} was started with another configuration:\n"
                f"{_difference(started_with, config)}\n"
                "Use the first configuration to go on with that run, or choose another directory."
            )

    def start(self, config):
        """Makes the directory and records the configuration it is started with.

        Raises:
            RunDirError: as `check` does; another process may have started the run since.
        """
        self.check(config)
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        for directory in (self.path, self.checkpoints):
            atomic_write.remove_leftovers(directory)
        if not self.state.exists():
            state = {"config": config, "commit": source_commit()}
            atomic_write.write_text(self.state, json.dumps(state, indent=1) + "\n")

    def read_config(self):
        """Returns the configuration that the run was started with."""
        return self._read_state()["config"]

    def read_commit(self):
        """Returns the commit of the source that the run was started with, None if not known."""
        return self._read_state().get("commit")

    def _read_state(self):
        return json.loads(self.state.read_text(encoding="utf-8"))

    def finish(self, result):
        """Writes `result.json`, which makes the run a finished one.

        Args:
            result: a flat dict of JSON values.
        """
        atomic_write.write_text(self.result, json.dumps(result, indent=1) + "\n")

    @contextlib.contextmanager
    def lock(self):
        """Holds the directory for this process; the lock goes with the process, however it ends.

        Raises:
            RunInUseError: if another process holds it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with open(self._lock, "a+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                # One that has just begun to hold it may not have written its number.
                process = f"process {file.read().strip() or 'that has just begun'}"
                raise RunInUseError(
                    f"`run_dir` {self.path} is being written by {process}. "
                    "Wait for it to end, or choose another directory.",
                    process,
                ) from None
            file.truncate(0)
            file.write(f"{os.getpid()}\n")
            file.flush()
            yield


def config_hash(config):
    """Returns 12 hexadecimal digits, equal for configurations that differ in seeds only."""
    lines = [line for line in config.splitlines() if not re.match(r"(?i)(.*[./_])?seed = ", line)]
    return hashlib.sha256("\n".join(lines).encode("utf-8")).hexdigest()[:12]


def _difference(before, after):
    """Returns the lines that differ: `-` as the run was started, `+` as given now."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return "\n".join(f"  {line}" for line in list(lines)[2:] if not line.startswith("@@"))
