"""The examples in the package's docstrings run, and come out as they say.

Each runs in an empty folder, with the names of its own module and, where it does not define them,
those that `names` has. Where an example shows no outcome, what it prints is its own affair.
"""

import ast
import doctest
import importlib
import pathlib
import re

import pytest

import state_of_sparsity as sos

ROOT = pathlib.Path(sos.__file__).parent


class _ShownOutcomes(doctest.OutputChecker):
    """Compares the outcomes that examples show."""

    def check_output(self, want, got, optionflags):
        return not want or super().check_output(want, got, optionflags)


def _docstrings(path):
    """Yields `(name, docstring, line)` of all in a file: module, classes, functions."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, kinds) and ast.get_docstring(node) is not None:
            yield getattr(node, "name", ""), ast.get_docstring(node), node.body[0].lineno - 1


def _collect():
    """Returns `{file:name: doctest}` of every docstring with an example."""
    found, parser = {}, doctest.DocTestParser()
    for path in sorted(ROOT.rglob("*.py")):
        for name, text, line in _docstrings(path):
            test = parser.get_doctest(text, {}, name, str(path), line)
            if test.examples:
                where = path.relative_to(ROOT).as_posix()
                found[f"{where}:{name}" if name else where] = test
    return found


EXAMPLES = _collect()


def _module(test):
    parts = pathlib.Path(test.filename).relative_to(ROOT.parent).with_suffix("").parts
    return importlib.import_module(".".join(parts).removesuffix(".__init__"))


# What examples may take for granted. Made where an example names it, as some take a while.


def _keras():
    import keras

    return keras


def _np():
    import numpy as np

    return np


def _tfds():
    import tensorflow_datasets as tfds

    return tfds


def _tfmot():
    from state_of_sparsity import tfmot

    return tfmot


def _model():
    """A plain model of two layers, compiled."""
    keras = _keras()
    layers = [keras.layers.Dense(4, name="hidden"), keras.layers.Dense(2, name="head")]
    model = keras.Sequential([keras.Input((5,)), *layers])
    model.compile("adam", "mse")
    return model


def _schedule():
    return sos.schedules.ConstantSparsity(0.5, begin_step=0)


def _rules():
    schedule = _schedule()
    return lambda layer: sos.MagnitudePruning(layer, schedule)


def _sparse():
    """The model with half of each kernel pruned, compiled."""
    sparse = sos.sparsify(_model(), _rules())
    sos.UpdateSparsity().update(sparse, 0)
    sparse.compile("adam", "mse")
    return sparse


NAMES = {
    "keras": _keras,
    "model": _model,
    "np": _np,
    "rules": _rules,
    "schedule": _schedule,
    "sos": lambda: sos,
    "sparse": _sparse,
    "tfds": _tfds,
    "tfmot": _tfmot,
    "x": lambda: _np().ones((3200, 5), "float32"),
    "y": lambda: _np().ones((3200, 2), "float32"),
}


def _write_translation(folder):
    from tests.small_translation import write_text

    write_text(folder, _pairs())


def _write_records(folder):
    from tests.small_translation import write_records

    write_records(folder, _pairs())


def _pairs():
    """Returns pairs of sentences by split, of which those that examples show come first."""
    from tests.small_translation import make_pairs

    pairs = make_pairs()
    pairs["train"].insert(0, ("A man in a blue shirt.", "Ein Mann in einem blauen Hemd."))
    pairs["test"].insert(
        0,
        (
            "Gutach: Increased safety for pedestrians",
            "Gutach: Noch mehr Sicherheit für Fußgänger",
        ),
    )
    return pairs


def _write_mnist(folder):
    from tests.small_mnist import random_mnist, write_mnist

    write_mnist(folder, *random_mnist(train=10_050, test=20))


def _write_cifar10(folder):
    from tests.small_cifar10 import random_cifar10, write_cifar10

    write_cifar10(folder, *random_cifar10(train=5_050, test=20))


def _write_imagenet(folder):
    from tests.small_image_records import small_records, write_records

    write_records(folder, "tfrecords", small_records())


# Folders that examples read, written where an example names them.
FOLDERS = {
    "data/cifar10": _write_cifar10,
    "data/imagenet": _write_imagenet,
    "data/mnist": _write_mnist,
    "data/multi30k": _write_translation,
    "data/records": _write_records,
    "runs/one": lambda folder: None,
}


@pytest.fixture
def namespace(request, tmp_path, monkeypatch):
    """What an example finds: names, and files in the folder it runs in."""
    test = EXAMPLES[request.param]
    monkeypatch.chdir(tmp_path)
    source = "".join(example.source for example in test.examples)
    for folder, write in FOLDERS.items():
        if f'"{folder}' in source:
            (tmp_path / folder).mkdir(parents=True)
            write(tmp_path / folder)
    own = vars(_module(test))
    named = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    return {name: make() for name, make in NAMES.items() if name in named - own.keys()} | own


@pytest.mark.parametrize(("namespace", "name"), [(n, n) for n in EXAMPLES], indirect=["namespace"])
def test_an_example_runs(namespace, name):
    test, told = EXAMPLES[name], []
    test.globs = namespace
    runner = doctest.DocTestRunner(_ShownOutcomes(), False, doctest.ELLIPSIS)
    runner.run(test, out=told.append)
    assert runner.failures == 0, "".join(told)


def test_every_example_is_run():
    """None hides from the collection, in a comment or a string; and none is marked as skipped."""
    texts = [path.read_text(encoding="utf-8") for path in ROOT.rglob("*.py")]
    shown = sum(len(re.findall(r"(?m)^\W*>>> ", text)) for text in texts)
    examples = [example for test in EXAMPLES.values() for example in test.examples]
    assert len(examples) == shown > 150
    skipped = [example.source for example in examples if example.options.get(doctest.SKIP)]
    assert skipped == []
