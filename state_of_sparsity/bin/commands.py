"""The programs as console commands: `sos-train` is `python -m state_of_sparsity.bin.train`."""

import runpy


def train():
    """Runs `sos-train`."""
    _run("train")


def evaluate():
    """Runs `sos-evaluate`."""
    _run("evaluate")


def decode():
    """Runs `sos-decode`."""
    _run("decode")


def sweep():
    """Runs `sos-sweep`."""
    _run("sweep")


def rounds():
    """Runs `sos-rounds`."""
    _run("rounds")


def report():
    """Runs `sos-report`."""
    _run("report")


def interpolate():
    """Runs `sos-interpolate`."""
    _run("interpolate")


def _run(program):
    # absl finds the flags and the description that `--help` shows, and a sweep what its workers
    # run, in the main module: it has to be the program, as with `python -m`.
    runpy.run_module(f"state_of_sparsity.bin.{program}", run_name="__main__", alter_sys=True)
