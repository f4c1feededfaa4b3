"""Processes that tests kill, each started from one that has imported Keras and not used it."""

import multiprocessing
import os
import signal

from state_of_sparsity import atomic_write

_SECONDS = 300


def context():
    """Returns what starts them."""
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(["tests.training.experiments"])
    return found


def exit_code(processes, function, *arguments):
    """Returns how a function ended in a process of its own."""
    process = processes.Process(target=function, args=arguments)
    process.start()
    process.join(_SECONDS)
    return process.exitcode


def kill_when_written(end):
    """SIGKILL when a file whose path ends so has been written and is about to take its name."""
    replace = os.replace

    def kill_or_replace(source, target):
        if os.fspath(target).endswith(end):
            os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target)

    atomic_write.os.replace = kill_or_replace
