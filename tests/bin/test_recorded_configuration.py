"""Somebody else's run directory is data: nothing that its configuration names runs."""

import contextlib
import io
import json
import sys

import keras
import pytest

from state_of_sparsity.bin import (
    decode,
    evaluate,
    gin_app,
    recorded_configuration,
    train,
)
from state_of_sparsity.errors import UsageError
from tests.bin.called_program import called
from tests.test_gin_configs import HARDWARE, RUNS, flags_of

MODULE = "canary_of_recorded_gin"
# A module as a stranger would put it beside a run directory; what it has is of use too.
SOURCE = """
import pathlib

pathlib.Path(__file__).with_name("canary").write_text("")


def certainty(targets, outputs):
    import keras

    return keras.ops.max(outputs, axis=-1)
"""
NAME = "experiment.Experiment.name"


@pytest.fixture(scope="module")
def base():
    """The configuration that a run of a quickstart file records."""
    return gin_app.parse(["quickstart/dense.gin"], [])


@pytest.fixture
def canary(tmp_path, monkeypatch):
    """A file that appears when a stranger's code runs."""
    (tmp_path / f"{MODULE}.py").write_text(SOURCE)
    (tmp_path / "evil.gin").write_text(f"import {MODULE}\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("CANARY", str(tmp_path / "canary"))
    yield tmp_path / "canary"
    sys.modules.pop(MODULE, None)


def run_of(folder, config):
    """Returns a run directory that was started with a configuration."""
    run_dir = folder / "run"
    run_dir.mkdir()
    (run_dir / "run.json").write_text(json.dumps({"config": config, "commit": None}))
    return run_dir


def lambda_model(folder):
    """Saves a model whose layer runs a stranger's code when it is called."""
    path = str(folder / "evil.keras")
    layer = keras.layers.Lambda(
        lambda x: (x, __import__("pathlib").Path(__import__("os").environ["CANARY"]).touch())[0]
    )
    keras.Sequential([keras.Input((8, 8, 1)), layer]).save(path)
    (folder / "canary").unlink()
    return path


def loads(name, imports=""):
    """A model that Keras loads, functions and all, by one of the names that lead to it."""

    def text(base, folder):
        lines = [f"{name}.filepath = {lambda_model(folder)!r}", f"{name}.safe_mode = False"]
        return f"{imports}{base}experiment.Experiment.model = @{name}\n" + "\n".join(lines) + "\n"

    return text


def runs(name, value="@{name}()", imports="import os\n"):
    """A command of the shell, by one of the names that lead to it."""

    def text(base, folder):
        command = f"{name}.command = 'touch {folder}/canary'\n"
        return f"{base}{imports}{NAME} = {value.format(name=name)}\n{command}"

    return text


def adds(line):
    """A line more, which may name the module, `{module}`, or the folder, `{folder}`."""
    return lambda base, folder: base + line.format(module=MODULE, folder=folder) + "\n"


SYSTEM = "@os.system()"
# By what they try: (the text, what the refusal names, whether it works where one trusts it).
HOSTILE = {
    "import": (adds("import {module}"), f"`import {MODULE}`", True),
    "import_as": (adds("import {module} as lenet"), f"`import {MODULE} as lenet`", True),
    "import_as_ours": (adds("import {module} as keras"), f"`import {MODULE} as keras`", True),
    "import_without_names": (lambda *_: f"import {MODULE}\n", f"`import {MODULE}`", True),
    "from_import": (adds("from importlib import resources"), "`from importlib import", False),
    "include": (adds("include '{folder}/evil.gin'"), "include '/", True),
    "hidden_by_a_return": (adds("# a note\rimport {module}"), r"the character '\r'", True),
    "hidden_by_a_form_feed": (adds("# a note\fimport {module}"), r"the character '\x0c'", False),
    "call": (runs("os.system"), "`import os`", True),
    "call_by_our_modules": (
        runs("experiment.dataclasses.sys.modules", imports=""),
        "the name experiment.dataclasses.sys.modules",
        False,
    ),
    "call_by_a_data_set": (
        runs(
            "translation.pathlib.os.system",
            "@{name}()",
            f"{'from state_of_sparsity.data.text'} import translation\n",
        ),
        "the name translation.pathlib.os.system",
        True,
    ),
    "call_in_a_scope": (runs("os.system", "@a/b/{name}()"), "`import os`", True),
    "call_in_a_list": (runs("os.system", "[1, ({{'a': [@{name}()]}}, 2)]"), "`import os`", True),
    "call_by_a_macro": (runs("os.system", "%EVIL\nEVIL = @{name}()"), "`import os`", True),
    "call_of_a_model": (
        adds("import os\nexperiment.Experiment.model = @os.abort"),
        "`import os`",
        False,
    ),
    "block": (adds("import os\nos.system:\n    command = 'true'"), "`import os`", False),
    "load_model": (loads("keras.saving.load_model"), "the name keras.saving.load_model", True),
    "load_model_by_ours": (
        loads("experiment.keras.saving.load_model"),
        "the name experiment.keras.saving.load_model",
        True,
    ),
    "load_model_by_another_name": (
        loads("experiment.keras.models.load_model"),
        "the name experiment.keras.models.load_model",
        True,
    ),
    "unsafe_mode": (
        adds(f"{NAME} = @keras.config.enable_unsafe_deserialization()"),
        "the name keras.config.enable_unsafe_deserialization",
        False,
    ),
    "function_of_a_metric": (
        adds("keras.metrics.MeanMetricWrapper.fn = @keras.utils.get_file"),
        "the name keras.utils.get_file",
        False,
    ),
    "method_of_ours": (
        adds(f"{NAME} = @experiment.Experiment.build()"),
        "the name experiment.Experiment.build",
        False,
    ),
    "singleton": (
        adds(f"a/gin.singleton.constructor = @keras.optimizers.Adam\n{NAME} = @a/gin.singleton()"),
        "the name a/gin.singleton",
        False,
    ),
    "macro_by_its_name": (adds("gin.macro.value = 1"), "the name gin.macro", False),
    "macro_twice": (adds("SEED = 1"), "a macro SEED", False),
    "macro_in_a_scope": (adds("a/SEED = 1"), "a macro a/SEED", False),
    "callback_that_writes": (
        adds("experiment.Experiment.callbacks = [@keras.callbacks.CSVLogger()]"),
        "the name keras.callbacks.CSVLogger",
        False,
    ),
    "dict_of_a_class": (
        adds("experiment.Experiment.metrics = [{{'class_name': 'A', 'module': '{module}'}}]"),
        "a dict with 'class_name'",
        False,
    ),
    "dict_by_a_macro": (
        adds("A = 'a'\nexperiment.Experiment.loss = {{'a': 1, 'module': %A}}"),
        "a dict with 'module'",
        False,
    ),
    "text_that_terminals_obey": (
        adds(f"{NAME} = 'a\\x1b]0;b\\x07'"),
        "the text 'a\\x1b]0;b\\x07'",
        False,
    ),
    "keys_that_terminals_obey": (
        adds("A = {{'a\\nb': 1}}"),
        "the text 'a\\nb'",
        False,
    ),
    "bytes": (adds(f"{NAME} = b'a'"), "a value of type bytes", False),
    "relative_import": (adds("from . import {module}"), "text that gin cannot parse", False),
    "never_ends": (adds(NAME + " = " + "[" * 5000), "text that gin cannot parse", False),
}
_RECORDS = "from state_of_sparsity.data.text import parallel_records\n"
_TRANSLATION = "from state_of_sparsity.data.text import translation\n"
# Nothing runs by these, but data is downloaded or written where a stranger says, or what TFDS runs.
PLACES = {
    "data_dir": (adds("digits.Digits.data_dir = '{folder}'"), "digits.Digits.data_dir = '/"),
    "by_macros": (
        adds("A = %B\nB = 'gs://a'\ndigits.Digits.data_dir = %A"),
        "digits.Digits.data_dir = 'gs://a', a place that only flags",
    ),
    "undefined_macro": (
        adds("digits.Digits.data_dir = %NONE"),
        "data_dir = %NONE, a place",
    ),
    "macros_in_a_circle": (adds("A = %B\nB = %A\ndigits.Digits.data_dir = %A"), "data_dir = %"),
    "text_like_a_macro": (
        adds("digits.Digits.data_dir = ('DATA_DIR',)"),
        "data_dir = ('DATA_DIR',), a place",
    ),
    "reference": (
        adds("digits.Digits.data_dir = @digits.Digits()"),
        "data_dir = @digits",
    ),
    "given_macro": (adds("DATA_DIR = '{folder}'"), "a macro DATA_DIR"),
    "given_macro_of_the_run": (adds("RUN_DIR = '{folder}'"), "a macro RUN_DIR"),
    "run_directory": (
        adds("digits.Digits.data_dir = %RUN_DIR"),
        "digits.Digits.data_dir = %RUN_DIR, a place",
    ),
    "run_directory_by_a_macro": (
        adds(f"{_RECORDS}A = %RUN_DIR\nparallel_records.ParallelRecords.data_dir = %A"),
        "parallel_records.ParallelRecords.data_dir = %RUN_DIR, a place",
    ),
    "data_directory_as_the_runs": (
        adds(f"{_TRANSLATION}translation.Translation.directory = %DATA_DIR"),
        "translation.Translation.directory = %DATA_DIR, a place",
    ),
    "directory": (
        adds(f"{_TRANSLATION}translation.Translation.directory = '{{folder}}'"),
        "translation.Translation.directory = '/",
    ),
    "directory_in_a_block": (
        adds(f"{_TRANSLATION}a/translation.Translation:\n    directory = '/tmp'"),
        "translation.Translation.directory = '/tmp'",
    ),
    "data_set_of_the_hub": (
        adds(f"{_RECORDS}A = 'huggingface:a/b'\nparallel_records.ParallelRecords.dataset = %A"),
        "'huggingface:a/b', which is no name of a data set",
    ),
    "data_set_elsewhere": (
        adds(f"{_RECORDS}parallel_records.ParallelRecords.dataset = '../a'"),
        "'../a', which is no name of a data set",
    ),
    "data_set_with_arguments": (
        adds(f"{_RECORDS}parallel_records.ParallelRecords.dataset = 'a/b=True'"),
        "'a/b=True', which is no name of a data set",
    ),
}


@pytest.mark.parametrize("way", HOSTILE)
def test_nothing_runs_that_a_recorded_configuration_names(way, base, canary, tmp_path):
    make, named, works = HOSTILE[way]
    run_dir = run_of(tmp_path, make(base, tmp_path))
    for program in (evaluate.evaluate_run, lambda path: decode.decode_run(path, __file__)):
        with pytest.raises(UsageError) as error:
            program(run_dir)
        message = str(error.value)
        assert named in message and str(run_dir) in message and "--trust_run_dir" in message
        assert "\n" not in message
        assert not canary.exists() and MODULE not in sys.modules
    if works:
        with contextlib.suppress(Exception):
            evaluate.evaluate_run(run_dir, trusted=True)
        assert canary.exists()


@pytest.mark.parametrize("way", PLACES)
def test_a_stranger_does_not_say_where_data_go(way, base, tmp_path):
    make, named = PLACES[way]
    with pytest.raises(UsageError) as error:
        recorded_configuration.check(make(base, tmp_path), tmp_path)
    assert named in str(error.value)


@pytest.mark.parametrize("name", RUNS)
def test_what_our_gin_files_record_is_data(name):
    hardware = HARDWARE[:1] if name.startswith("resnet50/") else []
    text = gin_app.parse([name, *hardware], flags_of(name, "gin_binding"))
    recorded_configuration.check(text, "runs/one")


def test_what_users_may_bind_beside_it_is_data():
    text = """
from __gin__ import dynamic_registration
import keras.losses
import keras as k
from keras.optimizers import schedules
import state_of_sparsity.data.images.digits
from state_of_sparsity.layers import magnitude_pruning as pruning
A = {}
MULTIPLIERS = {'log_alpha': %A, 'bias': -1.5}
a/b/pruning.MagnitudePruning.schedule = @schedules.CosineDecay()
k.optimizers.Adam.name = 'text, or none'
k.callbacks.EarlyStopping:
    patience = 3
    # a comment
    baseline = None
LIST = [('logits', None), ('', @first/pruning.MagnitudePruning), (True, 1e-3)]
state_of_sparsity.data.images.digits.Digits.batch_size = 32
LOSS = @keras.losses.MeanSquaredError()
"""
    recorded_configuration.check(text, "runs/one")


def test_a_name_means_one_module(base):
    twice = base + "import keras\nfrom keras import optimizers as keras\n"
    with pytest.raises(UsageError, match="where keras is keras before"):
        recorded_configuration.check(twice, "runs/one")


def test_a_run_of_ones_own_module_is_evaluated_where_one_trusts_it(canary, tmp_path):
    file = tmp_path / "own.gin"
    file.write_text(
        f"from __gin__ import dynamic_registration\nimport {MODULE}\n"
        "from state_of_sparsity.training import experiment\n"
        f'include "quickstart/dense.gin"\nexperiment.Experiment.metrics = [@{MODULE}.certainty]\n'
    )
    few = ["STEPS = 1", "EVAL_EVERY = 1", "STEPS_PER_EXECUTION = 1", "BATCH_SIZE = 9"]
    result = train.run([str(file)], few, tmp_path / "run", verbose=False)
    with pytest.raises(UsageError, match=f"run.json has `import {MODULE}`"):
        evaluate.evaluate_run(tmp_path / "run")
    found = evaluate.evaluate_run(tmp_path / "run", trusted=True)
    assert found["metrics"]["certainty"] == result["certainty"]


def test_a_mistake_in_it_is_said_of_the_run(base, tmp_path):
    run_dir = run_of(tmp_path, f"{base}\nexperiment.Experiment.stepz = 5\n")
    with pytest.raises(UsageError, match=r"'stepz'\. .* In the configuration in ") as it:
        evaluate.evaluate_run(run_dir)
    assert f"In the configuration in {run_dir / 'run.json'}, line" in str(it.value)
    assert "run.gin" not in str(it.value)


def test_a_module_that_is_not_found_is_said_with_the_run_that_names_it(tmp_path):
    """Not with the temporary file that its configuration is parsed from."""
    config = "from __gin__ import dynamic_registration\nimport no_such_module\n"
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text(json.dumps({"config": config}))
    with pytest.raises(UsageError) as error:
        evaluate.evaluate_run(tmp_path / "run", trusted=True)
    assert str(error.value) == (
        "`import no_such_module` failed: ModuleNotFoundError: No module named 'no_such_module'. "
        "Python looks in the working directory and in PYTHONPATH. In the configuration in "
        f"{tmp_path / 'run' / 'run.json'}, line 2 (`import no_such_module`)."
    )


def test_the_programs_say_it_in_one_line_and_go_on_where_told(
    base, canary, tmp_path, monkeypatch, capsys
):
    run_dir = run_of(tmp_path, HOSTILE["import"][0](base, tmp_path))
    monkeypatch.chdir(tmp_path)
    ends = []
    for program, flags in (("evaluate", []), ("decode", ["--trust_run_dir"])):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a\n")))
        run_dir_flag = f"--run_dir={run_dir}"
        code, _, errors = called(monkeypatch, capsys, program, run_dir_flag, *flags)
        lines = [line for line in errors.splitlines() if line.startswith("Error: ")]
        ends.append((code, len(lines), canary.exists()))
        assert "Traceback" not in errors
        assert ("--trust_run_dir" in lines[0]) == (not flags)
    assert ends == [(2, 1, False), (2, 1, True)]
