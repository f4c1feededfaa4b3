"""Ctrl-C, where Python would lose it."""

import _thread
import signal
import sys
import threading

# Until the callback that swallowed an interruption has returned.
SECONDS = 0.05


def keep():
    """Interrupts again where Python has swallowed an interruption.

    Python ignores what is raised in callbacks of its garbage collector, such as the one that JAX
    installs, and in `__del__`. Ctrl-C often falls into them, since it waits for the end of calls of
    compiled code, which imports and training are made of.
    """
    say = sys.unraisablehook

    def hook(unraisable):
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            timer = threading.Timer(SECONDS, _interrupt)
            timer.daemon = True
            timer.start()
        else:
            say(unraisable)

    sys.unraisablehook = hook


def _interrupt():
    if hasattr(signal, "pthread_kill"):  # which wakes what sleeps or waits
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    else:  # Windows
        _thread.interrupt_main()
