"""Ctrl-C is not lost in what Python runs by itself."""

import gc
import sys
import time

import pytest

from state_of_sparsity.bin import interruptions


class Deleted:
    def __del__(self):
        raise KeyboardInterrupt


def by_the_collector():
    def callback(phase, info):
        gc.callbacks.remove(callback)
        raise KeyboardInterrupt

    gc.callbacks.append(callback)
    gc.collect()


def by_deletion():
    Deleted()


@pytest.mark.parametrize("swallow", [by_the_collector, by_deletion])
def test_an_interruption_that_python_ignores_comes_again(swallow, monkeypatch):
    monkeypatch.setattr(sys, "unraisablehook", sys.__unraisablehook__)
    interruptions.keep()
    with pytest.raises(KeyboardInterrupt):
        swallow()
        time.sleep(10)


def test_other_errors_are_said_as_before(monkeypatch):
    said = []
    monkeypatch.setattr(sys, "unraisablehook", said.append)
    interruptions.keep()

    class Broken:
        def __del__(self):
            raise ValueError("broken")

    Broken()
    assert [unraisable.exc_type for unraisable in said] == [ValueError]
