"""A call waits for a module, comes once, and is not lost when an import fails."""

import importlib
import sys
import zipfile

import pytest

from state_of_sparsity.when_imported import when_imported

NAME = "waited_for_by_a_test"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder to import from; nothing of it, and no call that waits, is left behind."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith(NAME)]:
        del sys.modules[name]


@pytest.fixture
def module(folder):
    """A package that imports a module of its own; in both stands what was called before."""
    (folder / NAME).mkdir()
    (folder / NAME / "__init__.py").write_text(f"import {NAME}.inner\nready = True\n")
    (folder / NAME / "inner.py").touch()
    return folder / NAME


def import_it():
    importlib.invalidate_caches()
    return importlib.import_module(NAME)


def test_it_is_called_once_when_the_module_is_ready(module):
    found = []
    when_imported(NAME, lambda: found.append(sys.modules[NAME].ready))
    assert found == [] and NAME not in sys.modules
    import_it()
    assert found == [True]
    importlib.reload(sys.modules[NAME])
    assert found == [True]


def test_it_is_called_at_once_where_the_module_is_there(module):
    import_it()
    found = []
    when_imported(NAME, lambda: found.append(True))
    assert found == [True]


def test_an_import_that_fails_does_not_count(module):
    text = (module / "__init__.py").read_text()
    (module / "__init__.py").write_text("raise ImportError('no backend')")
    found = []
    when_imported(NAME, lambda: found.append(True))
    with pytest.raises(ImportError, match="no backend"):
        import_it()
    assert found == []
    (module / "__init__.py").write_text(f"{text}# of another length\n")
    import_it()
    assert found == [True]


def test_a_module_that_is_nowhere(folder):
    when_imported(NAME, lambda: pytest.fail("called"))
    with pytest.raises(ModuleNotFoundError, match=NAME):
        import_it()


def test_a_loader_that_serves_the_modules_inside_as_well(module, monkeypatch, tmp_path_factory):
    archive = tmp_path_factory.mktemp("archive") / "package.zip"
    with zipfile.ZipFile(archive, "w") as written:
        for path in module.iterdir():
            written.write(path, f"{NAME}/{path.name}")
        for path in module.iterdir():
            path.unlink()
    module.rmdir()
    monkeypatch.syspath_prepend(str(archive))
    found = []
    when_imported(NAME, lambda: found.append(sys.modules[NAME].ready))
    assert import_it().__file__.startswith(str(archive))
    assert found == [True]
