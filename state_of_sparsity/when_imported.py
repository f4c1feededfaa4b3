"""Calls that wait for a module to be imported, without importing it."""

import sys
from collections.abc import Callable


def when_imported(name: str, call: Callable[[], object]) -> None:
    """Calls a function as soon as a top-level module has been imported; at once if it is already.

    Args:
        name: the module's name, for which nothing else waits.
        call: called once, without arguments; an import that fails does not count.
    """
    if name in sys.modules:
        call()
    else:
        sys.meta_path.insert(0, _Watch(name, call))


class _Watch:
    """Finds a module as the other finders of `sys.meta_path` do, and calls when it has run."""

    def __init__(self, name, call):
        self._name, self._call = name, call

    def find_spec(self, name, path=None, target=None):
        if name != self._name:
            return None
        others = [finder for finder in sys.meta_path if not isinstance(finder, _Watch)]
        specs = (finder.find_spec(name, path, target) for finder in others)
        spec = next((spec for spec in specs if spec is not None), None)
        if spec is not None and spec.loader is not None:
            self._call_after(spec.loader)
        return spec

    def _call_after(self, loader):
        execute = loader.exec_module

        def execute_and_call(module):
            execute(module)
            # A loader may serve many modules, as that of a zip file does, and more than once.
            if module.__name__ == self._name and self in sys.meta_path:
                sys.meta_path.remove(self)
                self._call()

        loader.exec_module = execute_and_call
