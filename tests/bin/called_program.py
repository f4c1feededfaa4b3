"""Calls a program in this process as `python -m` would."""

import importlib

import pytest
from absl import flags

from state_of_sparsity.bin import gin_app


def called(monkeypatch, capsys, program, *arguments):
    """Returns the exit code of a program of `bin`, its output and its errors."""
    module = importlib.import_module(f"state_of_sparsity.bin.{program}")
    before = set(flags.FLAGS._flags())
    module.define_flags()
    monkeypatch.setattr("sys.argv", [f"{program}.py", *map(str, arguments)])
    try:
        with pytest.raises(SystemExit) as raised:
            gin_app.run(module.main)
    finally:
        for name in set(flags.FLAGS._flags()) - before:
            delattr(flags.FLAGS, name)
    return raised.value.code, *capsys.readouterr()
