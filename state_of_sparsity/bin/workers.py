"""Worker processes, a task each at a time, that do not outlive the process that started them."""

import collections
import contextlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator

# What ends a program from outside; Windows has no hang-up.
_ENDINGS = [getattr(signal, n) for n in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, n)]
_SECONDS_TO_END = 10


class WorkerDiedError(Exception):
    """A worker that ended in the midst of a task.

    Args:
        process: its number.
        exit_code: its exit code; that of a signal is negative, None is an end not to be seen yet.
        task: what it ran.
        others: tasks that other workers ran meanwhile.
    """

    def __init__(self, process, exit_code, task, others):
        super().__init__(f"worker process {process} {how_it_ended(exit_code)}")
        self.process, self.exit_code, self.task, self.others = process, exit_code, task, others


def how_it_ended(exit_code: int | None) -> str:
    """Returns an exit code in words."""
    if exit_code is None:
        return "does not answer any more"
    if exit_code >= 0:
        return f"ended with exit code {exit_code}"
    try:
        name = signal.Signals(-exit_code).name
    except ValueError:
        name = f"signal {-exit_code}"
    oom = ", perhaps by the system for lack of memory" if name == "SIGKILL" else ""
    return f"was ended by {name}{oom}"


class Workers:
    """Processes that run tasks, as a context; leaving it by an exception ends them at once.

    A task is begun when a worker is free, and none is held back for a worker that is busy. In the
    context SIGINT has `results` raise `KeyboardInterrupt`, SIGTERM and SIGHUP `SystemExit` with 128
    + their number; one that comes before it has done so raises at once, and further ones do
    nothing, so that the workers are ended whatever comes. If this process is killed, they end by
    themselves.

    Args:
        count: how many at most.
        function: what runs a task, of a module's top level; called with the task's parts.
        prepare: called once in each process, before its first task.

    Example:

    >>> import gc, math
    >>> with Workers(2, math.gcd, prepare=gc.freeze) as workers:
    ...     sorted(workers.results([(4, 6), (9, 12)]))
    [((4, 6), 2), ((9, 12), 3)]
    """

    def __init__(self, count: int, function: Callable, prepare: Callable):
        self._count, self._function, self._prepare = count, function, prepare
        self._processes, self._tasks, self._handlers = {}, {}, {}
        self._ending = None  # the number of the signal that came

    @property
    def running(self) -> list[tuple]:
        """The tasks that are being run."""
        return list(self._tasks.values())

    def results(
        self, tasks: Iterable[tuple], every_s: float | None = None, idle: Callable | None = None
    ) -> Iterator[tuple[tuple, object]]:
        """Yields pairs of a task and what the function returned, as they end.

        Args:
            tasks: tuples of what the function is called with; those that are added to a deque
                while results are yielded are run too.
            every_s: seconds without a result after which `idle` is called.
            idle: called without arguments.

        Raises:
            WorkerDiedError: if a process ended in the midst of its task.
        """
        waiting = tasks if isinstance(tasks, collections.deque) else collections.deque(tasks)
        self._give_all(waiting)
        while self._tasks:
            ready = multiprocessing.connection.wait([*self._tasks, self._alarm], every_s)
            self._end_if_told()
            if not ready and idle is not None:
                idle()
                self._end_if_told()
            for pipe in ready:
                result = self._take(pipe)
                yield self._tasks.pop(pipe), result
                self._end_if_told()
                self._give_all(waiting)

    def _give_all(self, waiting):
        """Gives tasks to all processes without one, of which as many are started as have any."""
        while len(self._processes) < min(self._count, len(self._tasks) + len(waiting)):
            self._start()
        for pipe in [pipe for pipe in self._processes if pipe not in self._tasks]:
            if waiting:
                self._tasks[pipe] = waiting.popleft()
                with contextlib.suppress(OSError):  # of one that has died, which is seen next
                    pipe.send(self._tasks[pipe])

    def _take(self, pipe):
        try:
            return pipe.recv()
        except (EOFError, OSError) as error:
            process = self._processes[pipe]
            process.join(_SECONDS_TO_END)
            if process.exitcode is not None and -process.exitcode in _ENDINGS:
                time.sleep(0.5)  # sent to all of us, it comes here as well and says more
                self._end_if_told()
            task = self._tasks.pop(pipe)
            raise WorkerDiedError(process.pid, process.exitcode, task, self.running) from error

    def _start(self):
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, self._function, self._prepare))
        with _endings_wait():  # a process that is there must be known
            process.start()
            self._processes[ours] = process
        theirs.close()

    def __enter__(self):
        self._alarm, self._bell = multiprocessing.Pipe(duplex=False)
        if threading.current_thread() is threading.main_thread():
            for ending in _ENDINGS:
                handler = signal.getsignal(ending)
                if handler not in (signal.SIG_IGN, None):  # as nohup has it
                    self._handlers[ending] = handler
                    signal.signal(ending, self._tell)
        return self

    def _tell(self, number, frame):
        # What is raised here may be lost, in a callback of the garbage collector or in `__del__`.
        if self._ending is not None:
            self._end_if_told()
        self._ending = number
        self._bell.send_bytes(b".")

    def _end_if_told(self):
        if self._ending is None:
            return
        self._ignore_endings()
        if self._ending == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + self._ending)

    def _ignore_endings(self):
        for ending in self._handlers:
            signal.signal(ending, signal.SIG_IGN)

    def __exit__(self, kind, error, trace):
        self._ignore_endings()
        for pipe, process in self._processes.items():
            pipe.close()  # by which one that waits for a task ends
            if kind is not None:
                process.kill()
        for process in self._processes.values():
            process.join(_SECONDS_TO_END)
            process.kill()
        for end in (self._alarm, self._bell):
            end.close()
        for ending, handler in self._handlers.items():
            signal.signal(ending, handler)


@contextlib.contextmanager
def _endings_wait():
    """Lets signals wait until the block is done; a process started in it has them wait as well."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # its start would let the signals through
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDINGS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(pipe, function, prepare):
    """Runs tasks as they come through a pipe, until it is closed."""
    # Ctrl-C in a terminal goes to all processes, and the parent ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDINGS)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    prepare()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # a process that is killed writes nothing any more
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        pipe.send(function(*task))


def _end_with_parent():
    multiprocessing.connection.wait([multiprocessing.parent_process().sentinel])
    os._exit(1)
