"""Every wrong command line ends in one line, with exit code 2, and leaves nothing behind."""

import json
import re
import shutil

import pytest

from state_of_sparsity.bin import train
from tests.bin.called_program import called
from tests.bin.malformed_calls import CALLS

RUN_FILES = {
    "text": b"no JSON",
    "list": b"[]",
    "empty": b"",
    "binary": b"\xff\xfe\x00",
    "number": b'{"config": 5}',
    "deep": b"[" * 100_000,
}


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Returns the paths that the table's braces stand for."""
    root = tmp_path_factory.mktemp("calls")
    made = {name: root / name for name in ("run", "started", "folder", "full", "new", "no")}
    bindings = ["STEPS = 2", "EVAL_EVERY = 1", "STEPS_PER_EXECUTION = 1", "SPARSITY = 0.5"]
    bindings += ["BEGIN_STEP = 0", "END_STEP = 2", "FREQUENCY = 1"]
    train.run(["quickstart/magnitude_pruning.gin"], bindings, made["run"], verbose=False)
    made["unsaid"] = root / "unsaid"
    made["unsaid"].mkdir()
    (made["unsaid"] / "run.json").write_text('{"config": ""}')
    made["pages"], made["lines"] = root / "pages", root / "lines"
    made["dangling"] = root / "dangling"
    for name in ("started", "folder", "full", "pages", "lines"):
        made[name].mkdir()
    made["dangling"].symlink_to(made["no"])
    (made["pages"] / "report.md").write_text("# My own")
    (made["lines"] / "interpolation.md").write_text("# My own")
    (made["full"] / "thesis.tex").write_text("")
    shutil.copy(made["run"] / "run.json", made["started"])
    for name, content in RUN_FILES.items():
        made[f"damaged_{name}"] = folder = root / f"damaged_{name}"
        folder.mkdir()
        (folder / "run.json").write_bytes(content)
    made["damaged_result"] = shutil.copytree(made["run"], root / "damaged_result")
    config = json.loads((made["run"] / "run.json").read_text())["config"]
    (made["damaged_result"] / "config.gin").write_text(config)
    (made["damaged_result"] / "result.json").write_text('{"technique": ')
    for name, content in (("file", b"A line.\n"), ("empty", b""), ("binary", b"\xff\xfe\n")):
        made[name] = root / name
        made[name].write_bytes(content)
    return made


def contents(folder):
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name != "lock"}


@pytest.mark.parametrize(
    ("program", "arguments", "says"), CALLS, ids=[f"{i}-{row[0]}" for i, row in enumerate(CALLS)]
)
def test_a_wrong_call_is_one_line_and_leaves_nothing(
    places, monkeypatch, capsys, program, arguments, says
):
    root = places["folder"].parent
    shutil.rmtree(places["new"], ignore_errors=True)  # of a call that failed this test
    before = contents(root)
    arguments = [argument.format(**places) for argument in arguments]
    code, _, errors = called(monkeypatch, capsys, program, *arguments)
    assert code == 2, errors
    assert errors.startswith("Error: ") and errors.count("\n") == 1, errors
    assert re.search(says.format(**places), errors), errors
    assert contents(root) == before
    assert not places["new"].exists() and not any(places["folder"].iterdir())
