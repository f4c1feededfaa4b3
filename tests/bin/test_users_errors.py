"""What the user can put right is one line; a mistake of ours comes with its traceback."""

import subprocess
import sys

import gin
import numpy as np
import pytest
import tensorflow as tf

from state_of_sparsity.bin import evaluate, train, users_errors
from state_of_sparsity.errors import UsageError
from tests.bin import their_callbacks
from tests.slow_variants import slow_but

PRUNING = "quickstart/magnitude_pruning.gin"
SHORT = ["STEPS = 2", "EVAL_EVERY = 1", "STEPS_PER_EXECUTION = 1", "SPARSITY = 0.5"]
SHORT += ["BEGIN_STEP = 0", "END_STEP = 2", "FREQUENCY = 1"]
OURS = "state_of_sparsity"
# Where a mistake of ours may come up: before the first step, in it, at an update, and at the end.
PLACES = {
    "experiment": f"{OURS}.training.experiment.Experiment.__post_init__",
    "data set": f"{OURS}.data.images.digits.Digits.__init__",
    "rules": f"{OURS}.surgery.sparsify.Decisions",
    "structure": f"{OURS}.surgery.structure.walk",
    "schedule": f"{OURS}.schedules.answers.sparsity_due",
    "layer": f"{OURS}.layers.masked.MaskedWrapper.effective_kernel",
    "mask": f"{OURS}.layers.scheduled_mask.ScheduledMask.update",
    "data": f"{OURS}.data.in_memory.InMemory.train",
    "report": f"{OURS}.accounting.report",
    "result": f"{OURS}.training.outcome.identity",
}


def run(folder, *bindings):
    return train.run([PRUNING], [*SHORT, *bindings], folder, verbose=False)


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        *(("experiment", TypeError), ("data set", RuntimeError)),
        *(("rules", kind) for kind in (TypeError, KeyError, RuntimeError)),
        *(("schedule", kind) for kind in (TypeError, IndexError, RuntimeError)),
        *(("structure", TypeError), ("layer", RuntimeError), ("mask", KeyError)),
        *(("data", LookupError), ("report", TypeError), ("result", RuntimeError)),
    ],
)
def test_a_mistake_of_ours_is_no_error_of_the_user(tmp_path, monkeypatch, place, kind):
    def fail(*_, **__):
        raise kind("a mistake")

    monkeypatch.setattr(PLACES[place], fail)
    with pytest.raises(kind, match="a mistake"):
        run(tmp_path / "run")


def test_it_has_a_traceback_and_exit_code_1(tmp_path):
    program = (
        "from absl import flags; from state_of_sparsity.bin import gin_app\n"
        "def main(_): {}['key']\n"
        "gin_app.run(main)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" in done.stderr and done.stderr.strip().endswith("KeyError: 'key'")


@pytest.fixture
def theirs(tmp_path, monkeypatch):
    """Returns a function that trains with a callback of the user's own that fails in a method."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.gin").write_text(
        "from __gin__ import dynamic_registration\n"
        "from state_of_sparsity.training import experiment\n"
        "from tests.bin import their_callbacks\n"
        f'include "{PRUNING}"\n'
        "experiment.Experiment.evaluators = [@their_callbacks.evaluator]\n"
        "experiment.Experiment.callbacks = [@their_callbacks.Callback()]\n"
    )

    def train_with(method):
        bindings = [*SHORT, f"their_callbacks.Callback.method = '{method}'"]
        return train.run(["mine.gin"], bindings, "run", verbose=False)

    return train_with


@pytest.mark.parametrize("method", ["on_train_begin", "on_epoch_end"])
def test_what_a_callback_of_the_users_raises_is_the_users(theirs, method):
    with pytest.raises(UsageError) as raised:
        theirs(method)
    said = str(raised.value)
    assert said.startswith("no key is configured. (RuntimeError in Callback.fail of ")
    assert said.endswith("their_callbacks.py, line 20; --verbosity=1 shows the traceback.)")


def test_what_theirs_has_ours_raise_comes_with_its_traceback(theirs, monkeypatch):
    monkeypatch.setattr(their_callbacks, "sparsity", "a")
    with pytest.raises(TypeError):
        theirs("of_no_name")


def test_callbacks_are_made_to_train_alone(theirs):
    assert theirs("of_no_name")["zeros"] == 5
    their_callbacks.made.clear()
    evaluate.evaluate_run("run", trusted=True)
    assert their_callbacks.made == []


@pytest.mark.parametrize("kind", slow_but([KeyError], [TypeError, KeyError, RuntimeError]))
def test_what_is_evaluated_may_have_a_mistake_of_ours_too(tmp_path, monkeypatch, kind):
    run(tmp_path)

    def fail(*_, **__):
        raise kind("a mistake")

    monkeypatch.setattr(f"{OURS}.training.evaluate.evaluate", fail)
    with pytest.raises(kind, match="a mistake"):
        evaluate.evaluate_run(tmp_path)


def raised(function):
    try:
        function()
    except Exception as error:
        return error
    raise AssertionError


def called_by_gin(function):
    """Returns what a function raises that gin calls, as it does with what is bound."""
    return raised(gin.external_configurable(function, name=f"made_up_{function.__name__}"))


def test_what_gin_calls_with_what_is_bound_is_the_users():
    def of_a_library():
        return np.zeros("a")

    assert isinstance(called_by_gin(of_a_library), TypeError)
    assert users_errors.is_the_users(called_by_gin(of_a_library))
    assert not users_errors.is_the_users(raised(of_a_library))


@pytest.mark.parametrize(
    ("error", "users"),
    [
        (ValueError("`steps` must be"), True),
        (OSError(28, "No space left on device"), True),
        (MemoryError(), True),
        (ImportError("no", name="tensorflow_datasets.core"), True),
        (ImportError("no"), True),
        (ImportError("no", name="state_of_sparsity.moved"), False),
        (TypeError("a mistake"), False),
        (AttributeError("a mistake"), False),
        (tf.errors.InvalidArgumentError(None, None, "no class 10"), False),
    ],
)
def test_what_the_type_of_an_error_says(error, users):
    assert users_errors.is_the_users(error) == users


def test_what_is_the_users_is_told_in_one_line():
    with (
        pytest.raises(UsageError, match=r"^`made_up` must be 1\.$"),
        users_errors.in_one_line(),
    ):
        raise ValueError("`made_up` must\n be 1.")
