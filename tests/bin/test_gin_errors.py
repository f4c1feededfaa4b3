"""Gin files and bindings that cannot be parsed: one line, with file, line and content."""

import os

import pytest

from state_of_sparsity.bin import gin_app, gin_messages
from state_of_sparsity.bin.gin_app import parse
from state_of_sparsity.errors import UsageError

DENSE = "quickstart/dense.gin"
HEAD = (
    "from __gin__ import dynamic_registration\n"
    "import keras\n"
    "from state_of_sparsity.training import experiment\n"
    'include "quickstart/dense.gin"\n'
)
LOSS = "keras.losses.SparseCategoricalCrossentropy"
NO_VALUE = "is no value that can be read. Text needs quotes"
NO_NAME = "must be a macro, or object.parameter"
NOT_ENDED = "The line must end after the statement"


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def refused(files, *bindings):
    """Returns what a refused configuration is told, which is one line."""
    with pytest.raises(UsageError) as raised:
        parse(files if isinstance(files, list) else [files], bindings)
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("STEPS = [1, 2\nEVAL_EVERY = 3", "Expected ',' or ']'"),
        ("STEPS = (1", "A bracket is not closed"),
        ("STEPS = 1)", NOT_ENDED),
        ("STEPS 5", "expected ':' or '='"),
        ("STEPS == 5", "expected ':' or '='"),
        ("STEPS =", "Unable to parse value"),
        ("= 5", "Unexpected token"),
        ("$ = 5", "Unexpected token"),
        ("hello world", "expected ':' or '='"),
        ("STEPS = hello", f"hello {NO_VALUE}"),
        ("STEPS = 1 + 1", NOT_ENDED),
        ("LEARNING_RATE = 0,1", NOT_ENDED),
        ("STEPS = 'abc", "Unable to parse value"),
        ("STEPS = '''abc", "EOF in multi-line string"),
        ("STEPS = {[1]: 2}", "unhashable type: 'list'"),
        ("STEPS = " + "[" * 500 + "]" * 500, "nested too deeply"),
        ("STEPS = " + "9" * 5000, NO_VALUE),
        ("STEPS = 0x" + "f" * 5000, "Exceeds the limit"),
        ("LEARNING_RATE = 1e999", "larger than the largest float"),
        ("experiment.Experiment:\nsteps = 5", "Expected indentation"),
        ("experiment.Experiment:\n    steps = 5\n  name = 'x'", "unindent does not match"),
        ("keras.losses = 4", NO_NAME),
        ("import no_such_module", "No module named 'no_such_module'"),
        ("import broken", "`import broken` failed: ZeroDivisionError: division by zero"),
        ("experiment.Experiment.stps = 5", "parameter named 'stps'. Did you mean steps?"),
        (f"experiment.Experiment.loss = @{LOSS}s()", "has no attribute"),
        ("include 'not_there.gin'", "There is no gin file not_there.gin."),
        ("include quickstart", f"quickstart {NO_VALUE}"),
        ("A = %A", "Nothing can be defined by itself: A needs A."),
        ("STEPS = %B\nB = %STEPS", "by itself: STEPS needs B needs STEPS."),
        (f"{LOSS}.name = @{LOSS}()", "by itself: Sparse"),
        ("STEPS = %NOTHING", "The macro %NOTHING is used but not defined."),
        ("NOTHING = 5", "The macro NOTHING is given but nothing uses it."),
        (f"{LOSS}.from_logits = 'False'", "`from_logits` must be True or False, without quotes."),
        ("keras.optimizers.Adam.learning_rate = True", "`learning_rate` must be a number."),
        ("keras.optimizers.Adam.beta_1 = '0.9'", "`beta_1` must be a number, without quotes."),
    ],
)
def test_a_mistake_in_a_file_is_said_with_its_place(tmp_path, text, message):
    (tmp_path / "broken.py").write_text("1 / 0\n")
    (tmp_path / "mine.gin").write_text(HEAD + text + "\n")
    os.sys.path.insert(0, str(tmp_path))
    try:
        said = refused("mine.gin")
    finally:
        os.sys.path.remove(str(tmp_path))
    assert message in said
    last = next(line for line in reversed(text.splitlines()) if line.strip())
    assert f"mine.gin, line {said.partition('mine.gin, line ')[2][0]} (`" in said
    assert last.strip()[:20] in said or text.splitlines()[0][:20] in said


@pytest.mark.parametrize(
    ("binding", "message"),
    [
        ("STEPS = ", "Unable to parse value"),
        ("STEPS", "expected ':' or '='"),
        ("STEPS = [", "A bracket is not closed"),
        ("STEPS = fast", NO_VALUE),
        ("STEPS = 10**31", NOT_ENDED),
        ("Experimnt.steps = 3", "No configurable matching 'Experimnt'. Did you mean"),
        ("include 'not_there.gin'", "There is no gin file not_there.gin"),
        ("STEPS = %STEPS", "Nothing can be defined by itself: STEPS needs STEPS"),
        ("STEPZ = 4", "nothing uses it. Did you mean STEPS?"),
    ],
)
def test_a_mistake_in_a_binding_is_said_with_the_binding(binding, message):
    said = refused(DENSE, "EVAL_EVERY = 2", binding)
    assert message in said and f"In --gin_binding {binding!r}" in said


def test_a_truth_value_may_stand_where_0_or_1_is_the_default(tmp_path):
    (tmp_path / "mine.gin").write_text(f"{HEAD}keras.callbacks.EarlyStopping.verbose = True\n")
    assert "verbose = True" in parse(["mine.gin"], [])


def test_what_a_file_cannot_be(tmp_path):
    (tmp_path / "folder.gin").mkdir()
    (tmp_path / "latin.gin").write_bytes(HEAD.encode() + b"# sch\xf6n\n")
    (tmp_path / "nul.gin").write_bytes(HEAD.encode() + b"STEPS = 5\0\n")
    (tmp_path / "utf16.gin").write_bytes(HEAD.encode("utf-16"))
    assert "folder.gin must be a gin file. Received: a folder." in refused("folder.gin")
    assert "must be a gin file. Received: no regular file." in refused(os.devnull)
    assert "must be UTF-8 text. Received: the byte 0xf6. In latin.gin, line 5." in refused(
        "latin.gin"
    )
    assert "Received: a NUL byte. In nul.gin, line 5." in refused("nul.gin")
    assert "must be UTF-8 text" in refused("utf16.gin")


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    (tmp_path / "mine.gin").write_text(HEAD)

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    assert "The gin file mine.gin cannot be read: Permission denied." in refused("mine.gin")


@pytest.mark.parametrize("change", [lambda t: "\ufeff" + t, lambda t: t.replace("\n", "\r\n")])
def test_marks_of_other_editors_change_nothing(tmp_path, change):
    (tmp_path / "mine.gin").write_bytes(change(HEAD + "STEPS = 5\n").encode())
    assert parse(["mine.gin"], []) == parse([DENSE], ["STEPS = 5"])


def test_files_that_include_each_other(tmp_path):
    (tmp_path / "a.gin").write_text("include 'b.gin'\n")
    (tmp_path / "b.gin").write_text("\n\ninclude './a.gin'\n")
    (tmp_path / "own.gin").write_text("include 'own.gin'\n")
    assert "in a circle: a.gin includes b.gin includes ./a.gin. In b.gin, line 3" in refused(
        "a.gin"
    )
    assert "own.gin includes own.gin. In own.gin, line 1 (`include 'own.gin'`)" in refused(
        "own.gin"
    )


def test_a_file_may_be_included_twice(tmp_path):
    (tmp_path / "base.gin").write_text(HEAD)
    (tmp_path / "mine.gin").write_text("include 'base.gin'\ninclude 'base.gin'\n")
    assert "STEPS = 1000" in parse(["mine.gin"], [])


KNOWN = sorted(
    p.relative_to(gin_app.gin_configs()).as_posix() for p in gin_app.gin_configs().rglob("*.gin")
)


@pytest.mark.parametrize(
    ("name", "first", "among"),
    [
        ("quickstart/magnitud_pruning.gin", "quickstart/magnitude_pruning.gin", None),
        ("magnitude_pruning.gin", "quickstart/magnitude_pruning.gin", None),
        ("digits/magnitude_pruning.gin", "quickstart/magnitude_pruning.gin", None),
        ("translation/magnitude_prunning.gin", "translation/magnitude_pruning.gin", "quickstart/m"),
        ("quickstart/magnitude_pruning", "quickstart/magnitude_pruning.gin", None),
        ("Quickstart/Dense.gin", "quickstart/dense.gin", None),
        ("quickstart\\dense.gin", "quickstart/dense.gin", None),
        ("gin_configs/quickstart/dens.gin", "quickstart/dense.gin", None),
        ("/else/gin_configs/quickstart/dens.gin", "quickstart/dense.gin", None),
        ("/else/where/l0_regularisation.gin", "quickstart/l0_regularization.gin", None),
        ("lenet/dense.gin", "lenet/dense/lenet_300_100.gin", "lenet/dense/lenet_5.gin"),
        ("lenet_5.gin", "lenet/dense/lenet_5.gin", None),
        ("cifar10", "cifar10/acdc.gin", "cifar10/cifar10.gin"),
    ],
)
def test_the_nearest_files_are_named(name, first, among):
    near = gin_messages.nearest_files(name, KNOWN)
    assert near[0] == first and len(near) <= 3
    assert among is None or any(path.startswith(among) for path in near)


def test_no_file_is_near():
    assert gin_messages.nearest_files("zzz.gin", KNOWN) == []
