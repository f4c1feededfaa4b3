"""Workers end with the process that started them, however it ends, and begin nothing more."""

import collections
import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from state_of_sparsity.bin import workers
from state_of_sparsity.bin.workers import WorkerDiedError, Workers

ROOT = pathlib.Path(workers.__file__).parents[2]
QUICK, SLOW = 0, 600


def work(directory, number, seconds):
    """A task: says that it began and in which process, and takes its time."""
    (directory / f"{number}_{os.getpid()}").touch()
    time.sleep(seconds)
    return number * number


def prepare():
    """Nothing has to be prepared."""


def began(directory):
    """Returns which tasks have begun."""
    return {int(path.name.partition("_")[0]) for path in directory.iterdir()}


def processes(directory):
    return {int(path.name.partition("_")[2]) for path in directory.iterdir()}


def living(directory):
    """Returns the processes that still run, a while after they should not."""
    deadline = time.monotonic() + 10
    while found := [process for process in processes(directory) if _lives(process)]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)
    return found


def _lives(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    stat = pathlib.Path(f"/proc/{process}/stat")  # a zombie lives no more
    return not (stat.exists() and ") Z " in stat.read_text())


def tasks(directory, *seconds):
    return [(directory, number, s) for number, s in enumerate(seconds)]


def test_every_task_is_run_once_in_as_many_processes_as_there_are(tmp_path):
    with Workers(2, work, prepare) as pool:
        found = dict(pool.results(tasks(tmp_path, *[QUICK] * 7)))
        assert {task[1]: result for task, result in found.items()} == {n: n * n for n in range(7)}
        more = list(pool.results([(tmp_path, 9, QUICK)]))
    assert more == [((tmp_path, 9, QUICK), 81)]
    assert len(processes(tmp_path)) <= 2
    assert living(tmp_path) == []


def test_more_workers_than_tasks_are_not_started(tmp_path):
    with Workers(5, work, prepare) as pool:
        list(pool.results(tasks(tmp_path, QUICK)))
        assert len(pool._processes) == 1


def test_tasks_that_are_added_meanwhile_are_run_by_all_there_are(tmp_path):
    waiting, order = collections.deque(tasks(tmp_path, QUICK)), []
    with Workers(2, work, prepare) as pool:
        for (_, number, _), _ in pool.results(waiting):
            order.append(number)
            if number == 0:
                waiting.extend([(tmp_path, 1, 0.5), (tmp_path, 2, 0.5), (tmp_path, 3, QUICK)])
                waiting.appendleft((tmp_path, 4, QUICK))
        assert len(pool._processes) == 2
    assert sorted(order) == [0, 1, 2, 3, 4] and order[:2] == [0, 4]
    assert living(tmp_path) == []


def kill(number, times=1):
    def end(pool, directory):
        for _ in range(times):
            os.kill(os.getpid(), number)

    return end


def swallowed(pool, directory):
    """As in `__del__` and in callbacks of the garbage collector, where Python loses errors."""
    with contextlib.suppress(BaseException):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)


def kill_worker(number):
    def end(pool, directory):
        (process,) = {
            int(path.name.partition("_")[2]) for path in directory.iterdir() if path.name[0] == "1"
        }
        os.kill(process, number)

    return end


def full_disk(pool, directory):
    raise OSError("No space left on device")


ENDS = {
    "SIGINT": (kill(signal.SIGINT), KeyboardInterrupt),
    "SIGINT twice": (kill(signal.SIGINT, times=2), KeyboardInterrupt),
    "SIGINT where Python loses it": (swallowed, KeyboardInterrupt),
    "SIGTERM": (kill(signal.SIGTERM), SystemExit),
    "SIGHUP": (kill(signal.SIGHUP), SystemExit),
    "an error": (full_disk, OSError),
    "a worker killed": (kill_worker(signal.SIGKILL), WorkerDiedError),
    "a worker terminated": (kill_worker(signal.SIGTERM), WorkerDiedError),
}


@pytest.mark.parametrize("name", ENDS)
def test_workers_end_and_nothing_more_begins(name, tmp_path):
    end, error = ENDS[name]
    handlers = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    begin, seen = time.monotonic(), []
    with pytest.raises(error) as caught, Workers(2, work, prepare) as pool:
        waiting = tasks(tmp_path, QUICK, SLOW, SLOW, SLOW, QUICK)

        def idle():
            if began(tmp_path) == {0, 1, 2}:
                end(pool, tmp_path)

        seen.extend(task[1] for task, _ in pool.results(waiting, 0.2, idle))
    assert time.monotonic() - begin < 20
    assert living(tmp_path) == []
    assert (seen, began(tmp_path)) == ([0], {0, 1, 2})
    assert [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == handlers
    if error is SystemExit:
        assert caught.value.code == 128 + signal.Signals[name]
    if error is WorkerDiedError:
        assert (caught.value.task[1], [task[1] for task in caught.value.others]) == (1, [2])


def test_a_hang_up_that_nohup_ignores_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Workers(1, work, prepare):
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-9, "was ended by SIGKILL, perhaps by the system for lack of memory"),
        (-11, "was ended by SIGSEGV"),
        (-64, "was ended by SIGRTMAX"),
        (-99, "was ended by signal 99"),
        (3, "ended with exit code 3"),
        (None, "does not answer any more"),
    ],
)
def test_how_a_process_ended_in_words(code, words):
    assert workers.how_it_ended(code) == words


PARENT = """
import pathlib, sys
from state_of_sparsity.bin.workers import Workers
from tests.bin import test_workers

with Workers(2, test_workers.work, test_workers.prepare) as pool:
    list(pool.results(test_workers.tasks(pathlib.Path(sys.argv[1]), 600, 600, 600)))
"""


@pytest.mark.parametrize(
    ("number", "group", "code"),
    [
        (signal.SIGKILL, False, -signal.SIGKILL),
        (signal.SIGINT, True, -signal.SIGINT),  # as a terminal sends it
        (signal.SIGTERM, True, 143),
        (signal.SIGHUP, True, 129),
    ],
)
def test_a_process_that_ends_takes_its_workers_along(number, group, code, tmp_path):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, tmp_path],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 60
        while len(began(tmp_path)) < 2:
            assert parent.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        (os.killpg if group else os.kill)(parent.pid, number)
        _, said = parent.communicate(timeout=20)
        left = living(tmp_path)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(parent.pid, signal.SIGKILL)
        parent.wait()
        parent.stderr.close()
    assert parent.returncode == code
    assert left == []
    assert began(tmp_path) == {0, 1}
    assert said.count("Traceback") == (1 if number == signal.SIGINT else 0)  # the parent's own
