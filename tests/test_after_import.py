"""Functions that are called once a module has been imported."""

import importlib
import sys
import zipfile

import pytest

from state_of_sparsity.after_import import after_import


@pytest.fixture
def module(tmp_path, monkeypatch):
    """The name of a module that can be imported, and is not."""
    (tmp_path / "imported_later.py").write_text("value = 1\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    yield "imported_later"
    sys.modules.pop("imported_later", None)


def test_called_when_the_module_is_there_and_whole(module):
    seen = []
    after_import(module, lambda: seen.append(sys.modules[module].value))
    assert seen == []
    import json.tool  # noqa: F401  one that nobody waits for

    assert seen == []
    importlib.import_module(module)
    importlib.import_module(module)
    assert seen == [1]
    after_import(module, lambda: seen.append(2))
    assert seen == [1, 2]


def test_an_import_that_fails_is_waited_for_again(module, tmp_path):
    seen = []
    after_import(module, lambda: seen.append(sys.modules[module].value))
    path = tmp_path / "imported_later.py"
    path.write_text("raise ImportError('not yet')\n", encoding="utf-8")
    with pytest.raises(ImportError, match="not yet"):
        importlib.import_module(module)
    assert seen == []
    path.write_text("value = 'at last, and of another size'\n", encoding="utf-8")
    importlib.invalidate_caches()
    importlib.import_module(module)
    assert len(seen) == 1


def test_a_module_that_is_not_there_is_not_found():
    after_import("no_such_module_at_all", lambda: None)
    with pytest.raises(ModuleNotFoundError, match="no_such_module_at_all"):
        importlib.import_module("no_such_module_at_all")
    sys.meta_path.pop(0)


def test_a_loader_of_several_modules(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "package.zip", "w") as archive:
        archive.writestr("imported_later/__init__.py", "import imported_later.inner\nvalue = 1\n")
        archive.writestr("imported_later/inner.py", "")
    monkeypatch.syspath_prepend(tmp_path / "package.zip")
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    seen = []
    after_import("imported_later", lambda: seen.append(sys.modules["imported_later"].value))
    importlib.import_module("imported_later")
    assert seen == [1]
    del sys.modules["imported_later"], sys.modules["imported_later.inner"]
