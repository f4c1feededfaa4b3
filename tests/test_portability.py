"""The same on every system: encodings, clocks, and no module that only some have."""

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
    of_archive = isinstance(function, ast.Attribute) and "archive" in ast.unparse(function)  # bytes
    if of_ours or of_archive or not (is_open or name in TEXT):
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


# What other systems do not have, and where it may be imported all the same.
SYSTEMS = {"fcntl", "grp", "msvcrt", "posix", "pwd", "resource", "termios", "winreg"}


def test_no_module_needs_one_operating_system():
    found = set()
    for path in (ROOT / "state_of_sparsity").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            found |= {path.name for name in names if name in SYSTEMS}
    assert found == {"file_lock.py", "peak_memory.py"}


def test_times_that_pass_are_not_told_by_a_clock_that_jumps():
    clocks = ("time.time", "time.time_ns", "datetime.now", "datetime.datetime.now")
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in (ROOT / "state_of_sparsity").rglob("*.py")
        for node, _, function in calls(path)
        if ast.unparse(function) in clocks
    ]
    assert wrong == []


def test_gin_files_are_utf_8_on_every_machine(tmp_path, monkeypatch):
    file = tmp_path / "own.gin"
    text = 'include "quickstart/dense.gin"\nfrom __gin__ import dynamic_registration\n'
    text += "from state_of_sparsity.training import experiment\n"
    text += "experiment.Experiment.name = 'dünn'\n"
    file.write_bytes(text.encode("utf-8-sig"))
    gin_app.parse([str(file)], [])
    assert gin.query_parameter("experiment.Experiment.name") == "dünn"
