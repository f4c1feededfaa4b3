"""A run directory kept in an object store (gs://, s3://) as well, for machines that do not last.

A run is written on this machine's own disk. An object store has neither locks nor lines added to
files, so what is there is a copy: brought here before the run begins, sent there while it goes.
"""

import contextlib
import os
import pathlib
import platform
import threading
import time
from collections.abc import Iterator

from state_of_sparsity import atomic_write, json_files
from state_of_sparsity.training.runs import mirrored_files, object_store
from state_of_sparsity.training.runs.run_dir import RunDir, RunDirError, RunInUseError

SECONDS_BETWEEN_COPIES = 30.0
SECONDS_OF_SILENCE = 150.0  # after which who holds a mirror is taken for dead
THREAD = "mirror"


class Mirror:
    """The copy of a run directory.

    What is sent is at every time a run to go on from: the metrics before the checkpoint of their
    step, the result last, each file whole or not at all.

    Args:
        run_dir: the run directory.
        remote: its copy's folder, any path that `etils.epath` knows.

    Raises:
        MirrorError: if `remote` is of a store that it does not know.
    """

    def __init__(self, run_dir: str | os.PathLike, remote: str | os.PathLike):
        self._local, self._remote = pathlib.Path(run_dir).expanduser(), object_store.path(remote)
        self._sent: dict[str, tuple[int, int]] = {}
        self._token, self._count = f"{platform.node()} process {os.getpid()}", 0
        self._said: str | None = None

    def fetch(self, whole: bool = True) -> None:
        """Brings the copy here, where it is further than what is here, or nothing is here.

        Args:
            whole: whether to bring checkpoints, snapshots and the model too.

        Raises:
            RunDirError: if it is of a run with another configuration, or what is written here
                would lie elsewhere.
            MirrorError: if it cannot be read.
        """
        with object_store.explained(self._remote):
            there, here = (
                mirrored_files.in_order(self._remote),
                mirrored_files.in_order(self._local),
            )
            self._check_same(there)
            if here and mirrored_files.furthest(there) <= mirrored_files.furthest(here):
                return
            RunDir(self._local).refuse_links()
            for name in there:
                if whole or not name.startswith(mirrored_files.LARGE):
                    self._get(name)

    def send(self) -> None:
        """Sends what has changed here, and removes there what was sent and is here no more.

        Raises:
            RunInUseError: if another process has taken the copy over.
            MirrorError: if it cannot be written.
        """
        with object_store.explained(self._remote):
            names = mirrored_files.in_order(
                self._local
            )  # those that come up meanwhile are the next time's
            for name in names:
                with contextlib.suppress(FileNotFoundError):  # a checkpoint that is gone already
                    state = mirrored_files.state(self._local / name)
                    if self._sent.get(name) != state:
                        self._hold()
                        self._put(name)
                        self._sent[name] = state
            for name in [name for name in self._sent if name not in names]:
                (self._remote / name).unlink(missing_ok=True)
                del self._sent[name]

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Brings the copy here, and keeps it while the block runs and once more at its end.

        Of a finished run only what describes it is brought.

        Raises:
            RunInUseError: if another process keeps it.
            RunDirError: if it is of a run with another configuration.
            MirrorError: if it cannot be read, or not be written at the end.
        """
        if self._is_finished():
            self.fetch(whole=False)
            yield
            return
        with object_store.explained(self._remote):
            self._wait_for_the_dead()
            self._hold()
        ended, refusals = threading.Event(), []
        thread = threading.Thread(None, self._keep, THREAD, (ended, refusals), daemon=True)
        try:
            self.fetch()
            thread.start()
            yield
        except (RunDirError, object_store.MirrorError) as error:  # what is here is not for there
            refusals.append(error)
        finally:
            ended.set()
            if thread.ident is not None:
                thread.join()
                if not refusals:
                    self.send()
            self._let_go()
        if refusals:
            raise refusals[0]

    def _is_finished(self):
        with object_store.explained(self._remote):
            return (self._remote / RunDir(self._local).result.name).exists()

    def _keep(self, ended, refusals):
        """Sends what has changed again and again, until `ended`, or another keeps the copy."""
        while not ended.wait(SECONDS_BETWEEN_COPIES):
            try:
                self._hold()
                self.send()
            except RunInUseError as error:
                refusals.append(error)
                return
            except Exception as error:  # of the network: the next time it may be there
                print(f"{self._remote} cannot be written: {error} Trying again.", flush=True)

    def _hold(self):
        """Says that this process is alive and keeps the copy."""
        if self._said is not None and self._holder() not in (None, self._said):
            raise RunInUseError(
                f"`mirror` {self._remote} was taken over while this process was not heard of. Run "
                "the command again once the other has ended.",
                self._holder() or "another",
            )
        self._count += 1
        said = f"{self._token} {self._count}"
        self._remote.mkdir(parents=True, exist_ok=True)
        (self._remote / mirrored_files.HOLDER).write_text(said, encoding="utf-8")
        self._said = said

    def _let_go(self):
        with object_store.explained(self._remote):
            if self._holder() == self._said:
                (self._remote / mirrored_files.HOLDER).unlink(missing_ok=True)

    def _holder(self):
        try:
            return (self._remote / mirrored_files.HOLDER).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def _wait_for_the_dead(self):
        """Returns once nobody keeps the copy: whoever does is heard of again and again."""
        before, end = self._holder(), time.monotonic() + SECONDS_OF_SILENCE
        while before is not None and time.monotonic() < end:
            time.sleep(min(5.0, SECONDS_OF_SILENCE / 10))
            now = self._holder()
            if now is None:
                return
            if now != before:
                process = now.rpartition(" ")[0]
                raise RunInUseError(
                    f"`mirror` {self._remote} is being written by {process}. Wait for it to end, "
                    "or choose another.",
                    process,
                )

    def _check_same(self, names):
        here = RunDir(self._local)
        if not here.is_started or here.state.name not in names:
            return
        state = self._remote / here.state.name
        there = json_files.read(state, {"config": str}, "Choose another `mirror`.")
        if there["config"] != here.read_config():
            raise RunDirError(
                f"`mirror` must be of this run. Received: {self._remote}, which was started with "
                f"another configuration than {self._local}. Choose another of the two."
            )

    def _get(self, name):
        """Brings a file here, with the time it was sent at."""
        with atomic_write.atomic_path(self._local / name) as temporary:
            object_store.copy(self._remote / name, temporary)
        time_sent = (self._remote / name).stat().mtime
        os.utime(self._local / name, (time_sent, time_sent))
        self._sent[name] = mirrored_files.state(self._local / name)

    def _put(self, name):
        """Sends a file, which takes its name there when it is whole."""
        target = self._remote / name
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.parent / f"{atomic_write.TEMPORARY_PREFIX}{target.name}"
        object_store.copy(self._local / name, temporary)
        temporary.replace(target)
