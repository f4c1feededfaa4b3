import gc
import importlib.machinery
import sys
import types

import pytest

from state_of_sparsity.bin import start_up


@pytest.fixture
def find(monkeypatch):
    """Returns a function that asks for a package while others are being imported."""
    monkeypatch.setattr(sys, "meta_path", [])
    monkeypatch.setattr(gc, "set_threshold", lambda *_: None)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    start_up.prepare()
    (finder,) = sys.meta_path

    def find(name, *importing):
        for other in ("keras", "tensorflow"):
            module = types.ModuleType(other)
            module.__spec__ = importlib.machinery.ModuleSpec(other, None)
            module.__spec__._initializing = other in importing
            monkeypatch.setitem(sys.modules, other, module)
        return finder.find_spec(name)

    return find


@pytest.mark.parametrize("name", ["sklearn", "matplotlib", "pandas"])
def test_packages_are_not_there_while_what_can_do_without_is_imported(find, name):
    with pytest.raises(ModuleNotFoundError, match=name):
        find(name, "keras")
    assert find(name) is None


def test_what_others_need_is_there(find):
    assert find("jax", "keras", "tensorflow") is None
    assert find("numpy", "keras", "tensorflow") is None
    assert find("sklearn", "tensorflow") is None


def test_everything_is_there_where_torch_is(find, monkeypatch):
    """It asks for scikit-learn by `importlib.util.find_spec`, which is not to raise an error."""
    monkeypatch.setitem(sys.modules, "torch", types.ModuleType("torch"))
    assert find("sklearn", "keras") is None


def test_it_is_installed_once(find):
    start_up.prepare()
    assert len(sys.meta_path) == 1
