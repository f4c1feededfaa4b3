"""Files are read and written the same way on every machine."""

import ast
import pathlib

import gin

from state_of_sparsity.bin import gin_app

ROOT = pathlib.Path(gin_app.__file__).parents[2]
TEXT = ("read_text", "write_text", "NamedTemporaryFile")


def calls(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            function = node.func
            yield node, getattr(function, "attr", getattr(function, "id", "")), function


def leaves_its_encoding_to_the_machine(node, name, function):
    of_ours = isinstance(function, ast.Attribute) and "atomic_write" in ast.unparse(function)
    is_open = name == "open" and "os." not in ast.unparse(function)
    if of_ours or not (is_open or name in TEXT):
        return False
    text = ast.unparse(node)
    return "encoding=" not in text and not any(mode in text for mode in ("'rb'", "'wb'", "gzip."))


def test_text_files_have_one_encoding_on_every_machine():
    wrong = [
        f"{path.relative_to(ROOT)}:{call[0].lineno}"
        for folder in ("state_of_sparsity", "studies")
        for path in (ROOT / folder).rglob("*.py")
        for call in calls(path)
        if leaves_its_encoding_to_the_machine(*call)
    ]
    assert wrong == []


def test_gin_files_are_utf_8_on_every_machine(tmp_path, monkeypatch):
    file = tmp_path / "own.gin"
    text = 'include "quickstart/dense.gin"\nfrom __gin__ import dynamic_registration\n'
    text += "from state_of_sparsity.training import experiment\n"
    file.write_text(f"{text}experiment.Experiment.name = 'dünn'\n", encoding="utf-8")
    gin_app.parse([str(file)], [])
    reader, _ = gin.config._FILE_READERS[0]
    assert reader.keywords == {"encoding": "utf-8"}
    assert gin.query_parameter("experiment.Experiment.name") == "dünn"
