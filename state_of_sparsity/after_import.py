"""Something done when a module has been imported, without importing it here."""

import sys
from collections.abc import Callable


def after_import(module: str, function: Callable[[], None]) -> None:
    """Calls a function when a module has been imported: now if it is, else when it will be.

    Args:
        module: its full name.
        function: called without arguments, each time that the module has been imported.
    """
    if module in sys.modules:
        function()
    else:
        sys.meta_path.insert(0, _Finder(module, function))


class _Finder:
    """Finds one module as those after it do, and has it call a function once it is executed."""

    def __init__(self, module, function):
        self._module, self._function = module, function

    def find_spec(self, fullname, path, target=None):
        """Returns the module's `ModuleSpec`, or None for every other module."""
        if fullname != self._module:
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        found = (finder.find_spec(fullname, path, target) for finder in others)
        spec = next((spec for spec in found if spec is not None), None)
        if spec is not None:
            execute = spec.loader.exec_module

            def exec_module(executed):
                execute(executed)
                # The loader of a zip file has the modules inside the package too.
                if executed.__name__ == self._module:
                    self._function()

            spec.loader.exec_module = exec_module
        return spec
