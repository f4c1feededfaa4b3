"""Importing from folders of scripts, which are no packages."""

import contextlib
import sys


@contextlib.contextmanager
def imported_as_a_script(monkeypatch, folder):
    """Puts a folder first, as Python does for a script in it; nothing of it stays imported."""
    monkeypatch.syspath_prepend(str(folder))
    yield
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", "")).startswith(str(folder)):
            del sys.modules[name]
